export { outcomes } from './counts.ts'
export { type RecordReport, readRecordLine, reportOfRecords } from './records.ts'
export { reportPage, reportSummary, reportTables } from './page.ts'
export { type CountedDecisions, createOrigins, type Origins, reportOf } from './report.ts'

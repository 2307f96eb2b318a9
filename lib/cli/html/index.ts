// The pages of `ip-risk review --report`, `ip-risk simulate` and `ip-risk report`: self-contained, without any external
// file, and safe to open whatever the data holds.
export { type BarRow, barChart, type ChartPart, columnChart, lineChart, type Tone } from './charts.ts'
export { type CellValue, dataTable, type TableColumn } from './table.ts'
export { type Html, html } from './html.ts'
export { type Fact, page, type Section } from './page.ts'

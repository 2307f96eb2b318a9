// What the pages of `review --report`, `simulate` and `report` have beside the helpers of lib/util/html.ts.
export {
  type BarRow, barChart, type ChartPart, chartStyle, lineChart, type LineSeries, shownNumber, type Tone
} from './charts.ts'
export { type CellValue, dataTable, dataTableStyle, type TableColumn, type TableOptions } from './data-table.ts'
export { dataTableScript } from './data-table-script.ts'

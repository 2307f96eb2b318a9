// What the pages of `review --report`, `simulate` and `report` have beside the helpers of lib/util/html.ts.
export {
  type BarRow, barChart, chartStyle, lineChart, shownNumber, type Tone
} from './charts.ts'
export { dataTable, dataTableStyle } from './data-table.ts'
export { dataTableScript } from './data-table-script.ts'

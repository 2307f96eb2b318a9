// Written by scripts/asn-kinds.ts; see NOTICE for the sources.
export const KINDS_DATE: string = '2026-08-22'
export const HOSTING: string = ''
export const HOSTING_CONFIRMED: string = ''
export const VPN: string = ''
export const ISP: string = ''
export const DENSITY: readonly string[] = []

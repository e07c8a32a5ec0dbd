const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB']

/** A number of bytes for people. */
export function sizeOf(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** A number of tokens for people: "8.2K". */
export function countOf(count: number): string {
  return compact.format(count)
}

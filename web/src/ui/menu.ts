import type { IconName } from './Icon.svelte'

/** One line of a menu; with `items` it opens another. */
export interface Entry {
  label: string
  icon?: IconName
  keys?: string
  danger?: boolean
  checked?: boolean
  disabled?: boolean
  run?: () => void
  items?: Entry[]
}

/** Lines, and null for a line between them. */
export type Entries = (Entry | null)[]

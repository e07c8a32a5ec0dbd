import type { File } from '../api/types'

/** What was typed and not sent yet, kept by the browser for each session, so that no reload and no crash takes it. */
export interface Typed {
  text: string
  files: File[]
  /** The message whose wording is being changed. */
  edit?: string | undefined
}

const NOTHING: Typed = { text: '', files: [] }
const PREFIX = 'palaver.typed.'

export function typedIn(place: string): Typed {
  try {
    const kept = localStorage.getItem(PREFIX + place)
    return kept ? { ...NOTHING, ...(JSON.parse(kept) as Partial<Typed>) } : { ...NOTHING }
  } catch {
    return { ...NOTHING }
  }
}

export function keepTyped(place: string, typed: Typed): void {
  try {
    if (typed.text || typed.files.length) localStorage.setItem(PREFIX + place, JSON.stringify(typed))
    else localStorage.removeItem(PREFIX + place)
  } catch {
    // The browser keeps nothing for this page (or is full): it stays in the window, and that is said nowhere.
  }
}

import type { NewSession, NewTurn } from '../api/types'

/** A question on its way. It stays here, through a reload, until the server has it; its id makes sending it twice safe. */
export interface Unsent {
  id: string
  sessionId: string
  body: NewTurn
  at: string
  /** The session it begins, where it begins one. */
  opens?: NewSession | undefined
}

const PLACE = 'palaver.unsent'

export function allUnsent(): Unsent[] {
  try {
    return JSON.parse(localStorage.getItem(PLACE) ?? '[]') as Unsent[]
  } catch {
    return []
  }
}

export function keepUnsent(one: Unsent): void {
  write([...allUnsent().filter((other) => other.id !== one.id), one])
}

export function forgetUnsent(id: string): void {
  write(allUnsent().filter((other) => other.id !== id))
}

function write(all: Unsent[]): void {
  try {
    if (all.length) localStorage.setItem(PLACE, JSON.stringify(all))
    else localStorage.removeItem(PLACE)
  } catch {
    // see keepTyped
  }
}

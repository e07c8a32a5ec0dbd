import { call } from '../api/client'
import { Problem, wordsOf } from '../api/problem'
import type { Operations, Session } from '../api/types'

export type ListFilter = Pick<NonNullable<Operations['GET /api/chat-sessions']['query']>, 'projectId' | 'state' | 'tag' | 'pinned' | 'model'>

const PAGE = 50

/** Sessions of one kind, newest content first, read page by page as one scrolls, and kept in order as they change. */
export class SessionList {
  items = $state.raw<Session[]>([])
  /** Nothing older is to come. */
  complete = $state(false)
  loading = $state(false)
  failed = $state<string | null>(null)
  private cursor: string | undefined

  constructor(readonly filter: ListFilter) {}

  async more(): Promise<void> {
    if (this.loading || this.complete) return
    this.loading = true
    try {
      const query = { ...this.filter, cursor: this.cursor, limit: PAGE }
      const page = await call('GET /api/chat-sessions', { query })
      this.append(page.chatSessions)
      this.cursor = page.nextCursor ?? undefined
      this.complete = page.nextCursor === null
      this.failed = null
    } catch (error) {
      this.failed = wordsOf(error)
      // A cursor that is no longer understood: begin again.
      if (error instanceof Problem && error.status === 400) this.cursor = undefined
    } finally {
      this.loading = false
    }
  }

  /** From the beginning, while what is shown stays until the answer is there. */
  async again(): Promise<void> {
    const limit = Math.min(Math.max(this.items.length, PAGE), 200)
    const page = await call('GET /api/chat-sessions', { query: { ...this.filter, limit } })
    this.items = page.chatSessions
    this.cursor = page.nextCursor ?? undefined
    this.complete = page.nextCursor === null
  }

  /** Takes in what a session has become: where it stands now, or that it is no longer here. */
  put(session: Session): void {
    const old = this.items.find((one) => one.id === session.id)
    if (!old || JSON.stringify(old) !== JSON.stringify(session)) this.putAll([session])
  }

  remove(id: string): void {
    if (this.items.some((one) => one.id === id)) this.items = this.items.filter((one) => one.id !== id)
  }

  /** A page: mostly all of it is older than what is here. */
  private append(sessions: Session[]): void {
    const last = this.items.at(-1)
    const known = new Set(this.items.slice(-2 * PAGE).map((one) => one.id))
    const inOrder = sessions.every((one) => !last || (isBefore(last, one) && !known.has(one.id)))
    if (inOrder) this.items = [...this.items, ...sessions]
    else this.putAll(sessions)
  }

  private putAll(sessions: Session[]): void {
    const ids = new Set(sessions.map((one) => one.id))
    const items = this.items.filter((one) => !ids.has(one.id))
    const last = items.at(-1)
    for (const session of sessions) {
      if (!this.fits(session)) continue
      // Older than everything read so far: it comes with its page.
      if (!this.loading && !this.complete && last && isBefore(last, session)) continue
      items.splice(placeFor(items, session), 0, session)
    }
    this.items = items
  }

  private fits(session: Session): boolean {
    const { projectId, state = 'open', pinned, tag, model } = this.filter
    const at = session.trashedAt ? 'trash' : session.archivedAt ? 'archived' : 'open'
    return (
      (state === 'any' || state === at) &&
      (!projectId || session.projectId === projectId) &&
      (pinned === undefined || session.pinned === pinned) &&
      (!model || session.model === model) &&
      (tag ?? []).every((one) => session.tags.includes(one)) &&
      (session.messageCount > 0 || at !== 'open' || session.title !== 'New Chat')
    )
  }
}

/** Whether `one` stands above `other` in a list. */
function isBefore(one: Session, other: Session): boolean {
  return one.updatedAt !== other.updatedAt ? one.updatedAt > other.updatedAt : one.id > other.id
}

function placeFor(items: Session[], session: Session): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(items[middle]!, session)) low = middle + 1
    else high = middle
  }
  return low
}

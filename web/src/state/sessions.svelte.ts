import { SvelteSet } from 'svelte/reactivity'
import { call } from '../api/client'
import { Problem, wordsOf } from '../api/problem'
import type { Change, Session, SessionChange } from '../api/types'
import type { Notices } from './notices.svelte'
import { SessionList, type ListFilter } from './session_list.svelte'

const UNREAD = 'palaver.unread'
const AT_ONCE = 6
const MANY = 40

/** All sessions as the list shows them, and what one may do with them. */
export class Sessions {
  filter = $state.raw<Omit<ListFilter, 'pinned'>>({})
  pinned = $state.raw(new SessionList({ pinned: true }))
  rest = $state.raw(new SessionList({ pinned: false }))
  selected = new SvelteSet<string>()
  unread = new SvelteSet<string>(readUnread())
  generating = new SvelteSet<string>()
  /** Told of each session that has become another, and of null for one that is gone. */
  private readonly heard = new Set<(id: string, session: Session | null) => void>()

  constructor(
    private readonly notices: Notices,
    /** The session that is on the screen. */
    private readonly shown: () => string | null,
  ) {}

  show(filter: Omit<ListFilter, 'pinned'>): void {
    this.filter = filter
    this.selected.clear()
    this.pinned = new SessionList({ ...filter, pinned: true })
    this.rest = new SessionList({ ...filter, pinned: false })
    void this.pinned.more()
    void this.rest.more()
  }

  async again(): Promise<void> {
    await Promise.allSettled([this.pinned.again(), this.rest.again()])
  }

  onChange(hear: (id: string, session: Session | null) => void): () => void {
    this.heard.add(hear)
    return () => this.heard.delete(hear)
  }

  put(session: Session): void {
    this.pinned.put(session)
    this.rest.put(session)
    for (const hear of this.heard) hear(session.id, session)
  }

  find(id: string): Session | undefined {
    return this.rest.items.find((one) => one.id === id) ?? this.pinned.items.find((one) => one.id === id)
  }

  read(id: string): void {
    if (this.unread.delete(id)) writeUnread(this.unread)
  }

  async take(changes: Change[]): Promise<void> {
    const changed = new Set<string>()
    for (const { kind, sessionId } of changes) {
      if (!sessionId) continue
      if (kind === 'session.purged') this.forget(sessionId)
      else if (kind === 'draft.opened') this.generating.add(sessionId)
      else changed.add(sessionId)
      if (kind === 'message.added') this.mark(sessionId)
    }
    if (changed.size > MANY) return this.again()
    await this.fetchAll([...changed])
  }

  private mark(id: string): void {
    const wasGenerating = this.generating.delete(id)
    if (id === this.shown() && document.visibilityState === 'visible') return
    if (wasGenerating || this.find(id)) this.unread.add(id)
    writeUnread(this.unread)
  }

  private async fetchAll(ids: string[]): Promise<void> {
    while (ids.length) {
      await Promise.all(ids.splice(0, AT_ONCE).map((id) => this.fetch(id)))
    }
  }

  private async fetch(sessionId: string): Promise<void> {
    try {
      const { chatSession } = await call('GET /api/chat-sessions/{sessionId}', { path: { sessionId }, query: { messages: false } })
      this.put(chatSession)
    } catch (error) {
      if (error instanceof Problem && error.status === 404) this.forget(sessionId)
    }
  }

  private forget(id: string): void {
    this.pinned.remove(id)
    this.rest.remove(id)
    this.selected.delete(id)
    for (const hear of this.heard) hear(id, null)
  }

  // What a person does. Each is shown at once and taken back if the server refuses.

  async change(session: Session, body: SessionChange): Promise<void> {
    const { archived, expectedRevision: _, ...plain } = body
    const guess = { ...session, ...plain } as Session
    if (archived !== undefined) guess.archivedAt = archived ? new Date().toISOString() : null
    this.put(guess)
    try {
      const path = { sessionId: session.id }
      this.put((await call('PATCH /api/chat-sessions/{sessionId}', { path, body })).chatSession)
    } catch (error) {
      this.put(session)
      throw error
    }
  }

  /** The same change of several, with a sentence about it and the way back. */
  async changeAll(sessions: Session[], body: (session: Session) => SessionChange, said: string, back?: (session: Session) => SessionChange): Promise<void> {
    const done = await this.each(sessions, (one) => this.change(one, body(one)))
    if (!done.length) return
    const undo = back && { label: 'Undo', run: () => void this.each(done, (one) => this.change(this.find(one.id) ?? one, back(one))) }
    this.notices.done(said, undo)
  }

  async trash(sessions: Session[]): Promise<void> {
    const done = await this.each(sessions, async (one) => {
      this.put({ ...one, trashedAt: new Date().toISOString() })
      try {
        await call('DELETE /api/chat-sessions/{sessionId}', { path: { sessionId: one.id } })
      } catch (error) {
        this.put(one)
        throw error
      }
    })
    if (!done.length) return
    const said = done.length === 1 ? `“${done[0]!.title}” is in the trash.` : `${done.length} chats are in the trash.`
    this.notices.done(said, { label: 'Undo', run: () => void this.untrash(done) })
  }

  async untrash(sessions: Session[]): Promise<void> {
    await this.each(sessions, async (one) => {
      const { chatSession } = await call('POST /api/chat-sessions/{sessionId}/untrash', { path: { sessionId: one.id } })
      this.put(chatSession)
    })
  }

  async purge(sessions: Session[]): Promise<void> {
    await this.each(sessions, async (one) => {
      await call('DELETE /api/chat-sessions/{sessionId}', { path: { sessionId: one.id }, query: { purge: true } })
      this.forget(one.id)
    })
  }

  async fork(session: Session, leafId?: string): Promise<Session | null> {
    try {
      const path = { sessionId: session.id }
      const { chatSession } = await call('POST /api/chat-sessions/{sessionId}/fork', { path, body: leafId ? { leafId } : {} })
      this.put(chatSession)
      return chatSession
    } catch (error) {
      this.notices.failed(`The chat could not be forked: ${wordsOf(error)}`)
      return null
    }
  }

  private async each(sessions: Session[], run: (session: Session) => Promise<void>): Promise<Session[]> {
    const done: Session[] = []
    const failed = new Set<string>()
    const queue = [...sessions]
    const work = async () => {
      for (let one = queue.shift(); one; one = queue.shift()) {
        try {
          await run(one)
          done.push(one)
        } catch (error) {
          failed.add(wordsOf(error))
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    if (failed.size) this.notices.failed([...failed].join(' '))
    return done
  }
}

function readUnread(): string[] {
  try {
    return JSON.parse(localStorage.getItem(UNREAD) ?? '[]') as string[]
  } catch {
    return []
  }
}

function writeUnread(ids: Iterable<string>): void {
  try {
    localStorage.setItem(UNREAD, JSON.stringify([...ids].slice(-1000)))
  } catch {
    // It holds for this window.
  }
}

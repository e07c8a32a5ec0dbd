import { getContext, setContext } from 'svelte'
import { call } from '../api/client'
import { Problem, wordsOf } from '../api/problem'
import type { Entrance, Change, Me, Session } from '../api/types'
import { Appearance } from './appearance.svelte'
import { Changes } from './changes'
import { Connection } from './connection.svelte'
import { Conversation } from './conversation.svelte'
import { Models } from './models.svelte'
import { Notices } from './notices.svelte'
import { Projects } from './projects.svelte'
import { Router } from './router.svelte'
import { Sessions } from './sessions.svelte'

/** Conversations kept in memory, so that going back to one is at once. */
const KEPT = 24

/** What may lie over the page, and what it is about. */
export type Over =
  | { kind: 'search' }
  | { kind: 'keys' }
  | { kind: 'tags'; sessions: Session[] }
  | { kind: 'purge'; sessions: Session[] }
  | { kind: 'project'; sessions?: Session[] }
  | { kind: 'model' }
  | { kind: 'session'; session: Session }
  | { kind: 'context' }

/** A model and a window, as one has chosen them for the next chat; the window is used once. */
export interface Chosen {
  model: string | null
  provider: string | null
  contextSize: number | null
}

/** Everything the page knows, in one place that is handed down. */
export class Page {
  readonly router = new Router()
  readonly connection = new Connection()
  readonly notices = new Notices()
  readonly appearance = new Appearance()
  readonly projects = new Projects(this.notices)
  readonly sessions = new Sessions(this.notices, () => this.router.sessionId)
  readonly models = new Models()
  me = $state.raw<Me | null>(null)
  auth = $state.raw<Entrance | null>(null)
  state = $state<'loading' | 'ready' | 'signed-out' | 'failed'>('loading')
  failed = $state<string | null>(null)
  /** What lies over the page. */
  over = $state.raw<Over | null>(null)

  /** What the next chat begins with. */
  chosen = $state.raw<Chosen>(readChosen())

  private readonly conversations = new Map<string, Conversation>()
  private readonly changes = new Changes(
    this.connection,
    (changes) => this.take(changes),
    () => this.again(),
  )

  constructor() {
    this.sessions.onChange((id, session) => this.conversations.get(id)?.become(session))
  }

  /** Finds out who is here, and reads what every screen needs. */
  async start(): Promise<void> {
    try {
      this.me = await call('GET /api/me')
      this.state = 'ready'
    } catch (error) {
      await this.startWithout(error)
      return
    }
    this.sessions.show({ projectId: this.router.query.get('project') ?? undefined })
    this.changes.start()
    void this.projects.load().catch(() => {})
    void this.models.load()
  }

  private async startWithout(error: unknown): Promise<void> {
    if (error instanceof Problem && error.status === 401) {
      this.auth = await call('GET /api/auth').catch(() => null)
      this.state = 'signed-out'
      // The address with the token is opened in another window; a team's people sign in in this one.
      if (this.auth?.mode !== 'local') return
    } else {
      this.state = 'failed'
      this.failed = wordsOf(error)
      if (error instanceof Problem) return
    }
    await this.connection.whenBack()
    await this.start()
  }

  conversation(id: string): Conversation {
    const kept = this.conversations.get(id) ?? new Conversation(id, this.connection, this.sessions)
    this.conversations.delete(id)
    this.conversations.set(id, kept)
    for (const [other, one] of this.conversations) {
      if (this.conversations.size <= KEPT) break
      if (other === id || one.busy || one.outbox.waiting.length) continue
      this.conversations.delete(other)
    }
    return kept
  }

  /** Somebody is about to go there. */
  expect(id: string): void {
    this.conversation(id).expect()
  }

  private take(changes: Change[]): void {
    void this.projects.take(changes).catch(() => {})
    void this.sessions.take(changes)
    for (const one of this.conversations.values()) void one.take(changes)
  }

  private again(): void {
    void this.sessions.again()
    void this.projects.load().catch(() => {})
    const shown = this.router.sessionId
    if (shown) void this.conversations.get(shown)?.open()
  }

  choose(chosen: Chosen): void {
    this.chosen = chosen
    try {
      localStorage.setItem(CHOSEN, JSON.stringify({ model: chosen.model, provider: chosen.provider }))
    } catch {
      // It holds for this window.
    }
  }

  say(error: unknown): void {
    this.notices.failed(wordsOf(error))
  }
}

const CHOSEN = 'palaver.model'

function readChosen(): Chosen {
  const nothing = { model: null, provider: null, contextSize: null }
  try {
    return { ...nothing, ...(JSON.parse(localStorage.getItem(CHOSEN) ?? '{}') as Partial<Chosen>), contextSize: null }
  } catch {
    return nothing
  }
}

const KEY = Symbol('page')

export function providePage(): Page {
  return setContext(KEY, new Page())
}

export function usePage(): Page {
  return getContext<Page>(KEY)
}

import { newId } from '../api/ids'
import { isPassing, Problem, wordsOf } from '../api/problem'
import type { NewSession, NewTurn } from '../api/types'
import type { Connection } from './connection.svelte'
import { allUnsent, forgetUnsent, keepUnsent, type Unsent } from './unsent'

/** Seconds before asking again, where the server does not say. */
const PAUSE = 2

/** A question that the server has not got yet. */
export interface Waiting extends Unsent {
  state: 'sending' | 'refused' | 'after-answer' | 'until-connected'
  why?: string | undefined
}

/** What a question is sent with. */
export interface Sending {
  /** Resolves when no answer is being written in the session, as far as this window knows. */
  idle(): Promise<void> | null
  /** Something else runs in the session: find out what. */
  busy(): Promise<void>
  post(one: Unsent): Promise<void>
}

/** The questions of one session on their way: kept by the browser until the server has them, sent one after the other. */
export class Outbox {
  waiting = $state.raw<Waiting[]>([])
  private delivering: Promise<void> = Promise.resolve()
  private readonly underWay = new Set<string>()

  constructor(
    readonly sessionId: string,
    private readonly connection: Connection,
    private readonly by: Sending,
  ) {
    this.waiting = allUnsent().filter((one) => one.sessionId === sessionId).map((one) => ({ ...one, state: 'sending' }))
  }

  /** Puts a question on its way. It is kept before anything is sent. */
  put(body: NewTurn, opens?: NewSession): void {
    const kept: Unsent = { id: newId(), sessionId: this.sessionId, body, at: new Date().toISOString(), opens }
    keepUnsent(kept)
    this.waiting = [...this.waiting, { ...kept, state: 'sending' }]
    this.deliver(kept.id)
  }

  deliverAll(): void {
    for (const one of this.waiting) if (one.state !== 'refused') this.deliver(one.id)
  }

  /** One after the other, each after the answer before it. */
  deliver(id: string): void {
    if (this.underWay.has(id)) return
    this.underWay.add(id)
    this.delivering = this.delivering.then(() => this.send(id)).finally(() => this.underWay.delete(id))
  }

  /** Takes a question back from its way: it has arrived, or goes back to whoever typed it. */
  take(id: string): Waiting | undefined {
    const one = this.find(id)
    forgetUnsent(id)
    this.waiting = this.waiting.filter((one) => one.id !== id)
    return one
  }

  /** These are on the screen as messages now. */
  arrived(stored: Set<string>): void {
    if (this.waiting.some((one) => stored.has(one.id))) this.waiting = this.waiting.filter((one) => !stored.has(one.id))
  }

  private find(id: string): Waiting | undefined {
    return this.waiting.find((one) => one.id === id)
  }

  private async send(id: string): Promise<void> {
    for (;;) {
      const idle = this.by.idle()
      if (idle) {
        this.mark(id, 'after-answer')
        await idle
      }
      const one = this.find(id)
      if (!one) return
      this.mark(id, 'sending')
      try {
        await this.by.post(one)
        return
      } catch (error) {
        if (!isPassing(error)) return this.mark(id, 'refused', wordsOf(error))
        await this.pause(id, error)
      }
    }
  }

  private async pause(id: string, error: unknown): Promise<void> {
    const isBusy = error instanceof Problem && error.code === 'busy'
    this.mark(id, isBusy ? 'after-answer' : 'until-connected')
    if (error instanceof Problem && error.status !== 401) {
      await new Promise((resolve) => setTimeout(resolve, (error.retryAfter ?? PAUSE) * 1000))
    }
    if (isBusy) await this.by.busy().catch(() => {})
    await this.connection.whenBack()
  }

  private mark(id: string, state: Waiting['state'], why?: string): void {
    this.waiting = this.waiting.map((one) => (one.id === id ? { ...one, state, why } : one))
  }
}

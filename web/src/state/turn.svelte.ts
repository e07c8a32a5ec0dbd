import { call } from '../api/client'
import { follow } from '../api/events'
import { isPassing, Problem, Unreachable } from '../api/problem'
import type { InputRequired, Part, Status, ToolResult, TurnEvent } from '../api/types'
import type { Connection } from './connection.svelte'

/** One answer of a turn while it comes. */
export class Answer {
  parts = $state.raw<Part[]>([])
  status = $state<Status>('streaming')
  error = $state<string | null>(null)
  readonly createdAt = new Date().toISOString()

  constructor(
    readonly id: string,
    readonly model: string | null,
    readonly provider: string | null,
  ) {}

  add(type: 'text' | 'reasoning', text: string): void {
    const last = this.parts.at(-1)
    if (last?.type === type) this.parts = [...this.parts.slice(0, -1), { type, text: last.text + text }]
    else this.parts = [...this.parts, { type, text }]
  }
}

/** A turn that is followed from its first event, or from the last one seen, until it ends. */
export class Turn {
  answers = $state.raw<Answer[]>([])
  results = $state.raw<ReadonlyMap<string, ToolResult>>(new Map())
  asked = $state.raw<InputRequired | null>(null)
  /** A checkpoint is being made: how far it is, in percent. */
  summarising = $state<number | null>(null)
  warning = $state.raw<Extract<TurnEvent, { type: 'context_warning' }> | null>(null)
  failure = $state.raw<Extract<TurnEvent, { type: 'turn_failed' }> | null>(null)
  unsaved = $state<string | null>(null)
  /** What became of a summary. */
  said = $state<string | null>(null)
  stopping = $state(false)
  ended = $state(false)
  /** The session that the person chose to go on in. */
  newSessionId: string | null = null
  /** Resolves when the turn has ended, however it did. */
  readonly done: Promise<void>

  private seen: string | undefined
  private model: string | null = null
  private provider: string | null = null
  private readonly gathered = new Gathered((type, text) => this.current?.add(type, text))
  private readonly leaving = new AbortController()

  constructor(
    readonly sessionId: string,
    readonly id: string,
    /** A summary of earlier messages is made like an answer, without being one. */
    readonly kind: 'answer' | 'summary',
    private readonly connection: Connection,
    private readonly onTitle: (title: string) => void,
  ) {
    this.done = this.run().finally(() => {
      this.gathered.flush()
      this.ended = true
    })
  }

  get current(): Answer | undefined {
    return this.answers.at(-1)
  }

  /** Stops following; the turn itself goes on. */
  leave(): void {
    this.leaving.abort()
  }

  async stop(): Promise<void> {
    this.stopping = true
    try {
      await call('DELETE /api/chat-sessions/{sessionId}/turns/{turnId}', { path: this.path })
    } catch (error) {
      this.stopping = false
      if (!(error instanceof Problem && error.status === 404)) throw error
    }
  }

  async answer(choice: string): Promise<void> {
    const asked = this.asked
    if (!asked) return
    this.asked = null
    try {
      const body = { requestId: asked.requestId, choice }
      await call('POST /api/chat-sessions/{sessionId}/turns/{turnId}/answers', { path: this.path, body })
    } catch (error) {
      // Another window may have been faster; then there is nothing left to answer.
      if (error instanceof Problem && error.status < 500) return
      this.asked = asked
      throw error
    }
  }

  private get path(): { sessionId: string; turnId: string } {
    return { sessionId: this.sessionId, turnId: this.id }
  }

  private async run(): Promise<void> {
    const { signal } = this.leaving
    while (!signal.aborted) {
      try {
        const events = follow('/api/chat-sessions/{sessionId}/turns/{turnId}/events', this.path, { after: this.seen }, { signal })
        for await (const sent of events) {
          if (sent.id) this.seen = sent.id
          // The server ends, or only says that it is there.
          if (sent.type === 'closing' || !sent.data) continue
          if (this.take(JSON.parse(sent.data) as TurnEvent)) return
        }
        if (!signal.aborted) throw new Unreachable()
      } catch (error) {
        if (!isPassing(error)) return
        this.connection.lost()
        await this.connection.whenBack()
      }
    }
  }

  /** Whether this was the last event. */
  private take(event: TurnEvent): boolean {
    if (event.type === 'text_delta') this.gathered.add('text', event.text)
    else if (event.type === 'reasoning_delta') this.gathered.add('reasoning', event.text)
    else this.gathered.flush()
    const answerId = event.id.slice(0, event.id.lastIndexOf(':'))
    switch (event.type) {
      case 'turn_started':
        this.model = event.model
        this.provider = event.provider
        this.unsaved = event.unsaved ?? null
        this.begin(event.answerId)
        break
      case 'text_delta':
      case 'reasoning_delta':
        this.begin(answerId)
        this.asked = null
        break
      case 'title_changed':
        this.onTitle(event.title)
        break
      case 'context_warning':
        this.warning = event
        break
      case 'checkpoint_started':
        this.summarising = 0
        break
      case 'checkpoint_progress':
        this.summarising = event.percent
        break
      case 'checkpoint_finished':
        this.summarising = null
        if (this.kind === 'answer') break
        this.said = event.text
        return true
      case 'input_required':
        this.asked = event
        break
      case 'tool_call':
        this.begin(answerId)
        this.current!.parts = [...this.current!.parts, event.call]
        break
      case 'tool_result':
        if (this.asked?.call?.id === event.result.callId) this.asked = null
        this.results = new Map(this.results).set(event.result.callId, event.result)
        break
      case 'turn_finished':
      case 'turn_failed':
        this.end(event)
        return true
    }
    return false
  }

  /** The answers of a turn come one after another; the next has begun when its first event is there. */
  private begin(id: string): void {
    if (this.current?.id === id || this.answers.some((one) => one.id === id)) return
    this.gathered.flush()
    if (this.current) this.current.status = 'complete'
    this.answers = [...this.answers, new Answer(id, this.model, this.provider)]
  }

  private end(event: Extract<TurnEvent, { type: 'turn_finished' | 'turn_failed' }>): void {
    this.asked = null
    this.summarising = null
    this.unsaved = event.unsaved ?? null
    if (event.type === 'turn_failed') this.failure = event
    else this.newSessionId = event.newSessionId ?? null
    const answer = this.answers.find((one) => one.id === event.message.id)
    if (!answer) return
    answer.status = event.message.status ?? (event.type === 'turn_failed' ? 'error' : 'complete')
    answer.error = event.message.error ?? null
  }
}

/** Gathers what streams in and gives it on once a frame, more rarely where showing it takes longer than that. */
class Gathered {
  private type: 'text' | 'reasoning' = 'text'
  private text = ''
  private timer: ReturnType<typeof setTimeout> | undefined
  private cost = 0

  constructor(private readonly give: (type: 'text' | 'reasoning', text: string) => void) {}

  add(type: 'text' | 'reasoning', text: string): void {
    if (this.text && this.type !== type) this.flush()
    this.type = type
    this.text += text
    this.timer ??= setTimeout(() => this.flush(), Math.min(Math.max(16, this.cost * 4), 500))
  }

  flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (!this.text) return
    const text = this.text
    this.text = ''
    const began = performance.now()
    this.give(this.type, text)
    // Until the frame that shows it is drawn.
    if (document.visibilityState === 'visible') requestAnimationFrame(() => setTimeout(() => (this.cost = performance.now() - began - 16)))
  }
}

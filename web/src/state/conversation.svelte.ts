import { call } from '../api/client'
import { Problem, Unreachable, wordsOf } from '../api/problem'
import type { Change, ChatTurn, Checkpoint, Message, NewSession, NewTurn, Session, ToolResult, Weighed } from '../api/types'
import type { Connection } from './connection.svelte'
import { Outbox } from './outbox.svelte'
import { Repeated } from './repeated'
import type { Sessions } from './sessions.svelte'
import { Turn } from './turn.svelte'
import { forgetUnsent, keepUnsent, type Unsent } from './unsent'

const PAGE = 50
/** Messages kept at once; those farthest away are let go and read again when one comes back to them. */
const KEPT = 300

/** One session on the screen: a stretch of its branch, what is on its way, and the turn that runs. */
export class Conversation {
  session = $state.raw<Session | null>(null)
  messages = $state.raw<Message[]>([])
  siblings = $state.raw<Record<string, string[]>>({})
  state = $state<'loading' | 'ready' | 'missing' | 'failed'>('loading')
  failed = $state<string | null>(null)
  /** Whether there is more above, and below. */
  hasOlder = $state(false)
  hasNewer = $state(false)
  turn = $state.raw<Turn | null>(null)
  checkpoints = $state.raw<Checkpoint[]>([])
  context = $state.raw<Weighed | null>(null)
  /** The message that was searched for. */
  marked = $state<string | null>(null)
  /** What is on the screen is another branch than the one that is shown: a message of it was searched for. */
  aside = $state(false)

  /** Questions on their way. */
  readonly outbox: Outbox

  private older: string | null = null
  private reading: Promise<void> | null = null
  private opened = false
  private opening: Promise<void> | null = null
  /** Under way, or done, before it was shown. */
  private expected: Promise<void> | null = null

  constructor(
    readonly id: string,
    private readonly connection: Connection,
    private readonly sessions: Sessions,
  ) {
    this.outbox = new Outbox(id, connection, {
      idle: () => (this.turn && !this.turn.ended ? this.turn.done : null),
      busy: () => this.joinTurn(),
      post: (one) => this.post(one),
    })
  }

  /** Whether the question that begins it is still on its way. */
  private get begins(): boolean {
    return !this.session && this.outbox.waiting.some((one) => one.opens)
  }

  /** What tools gave back, by the id of the call. */
  readonly results = $derived.by(() => {
    const found = new Map<string, ToolResult>(this.turn?.results)
    for (const message of this.messages) {
      for (const part of message.parts) if (part.type === 'tool_result') found.set(part.callId, part)
    }
    return found
  })

  readonly busy = $derived(this.turn !== null && !this.turn.ended)

  // Reading

  /** The first time reads everything; later what changed meanwhile. `at` is the message to open at. */
  open(at?: string | null): Promise<void> {
    this.opening = this.read(at)
    return this.opening
  }

  /** Reads the end of one that is likely to be shown next. */
  expect(): void {
    if (this.opened || this.expected || this.begins) return
    this.expected = this.readEnd()
      .then(() => void (this.state = 'ready'))
      .catch(() => {})
  }

  private async read(at?: string | null): Promise<void> {
    // Before anything else is read: what comes late must not take its place.
    if (this.expected) await this.expected
    this.opened = true
    this.marked = at || null
    if (this.begins) {
      // Nothing of it is stored before its first question is.
      this.state = 'ready'
      this.outbox.deliverAll()
      return
    }
    try {
      if (at) await this.openAt(at)
      else if (this.state !== 'ready') await this.readEnd()
      else await this.readTail()
      this.state = 'ready'
    } catch (error) {
      this.fail(error)
      if (this.state !== 'ready') this.opened = false
    }
    this.outbox.deliverAll()
    if (this.state !== 'ready') return
    this.readAround()
    await this.joinTurn().catch(() => {})
  }

  private fail(error: unknown): void {
    if (this.messages.length || this.outbox.waiting.length) return
    this.state = error instanceof Problem && error.status === 404 ? 'missing' : 'failed'
    this.failed = wordsOf(error)
    if (error instanceof Unreachable) void this.connection.whenBack().then(() => this.open())
  }

  private async readEnd(): Promise<void> {
    const [{ chatSession }, page] = await Promise.all([this.readSession(), this.page({})])
    this.session = chatSession
    this.keep(page.messages, page.siblings)
    this.older = page.nextCursor
    this.hasOlder = page.nextCursor !== null
    this.hasNewer = false
    this.aside = false
  }

  private async openAt(at: string): Promise<void> {
    if (this.session && this.messages.some((one) => one.id === at)) return
    try {
      const [{ chatSession }, page] = await Promise.all([this.readSession(), this.page({ around: at })])
      this.session = chatSession
      this.siblings = {}
      this.keep(page.messages, page.siblings)
      this.older = page.nextCursor
      this.hasOlder = page.nextCursor !== null
      this.hasNewer = page.newerCursor !== null
      this.aside = !this.hasNewer && page.messages.at(-1)?.id !== chatSession.headId && !(await this.endsInHead(page.messages))
    } catch (error) {
      // The message is gone, or never was: the conversation itself may well be there.
      if (!(error instanceof Problem && (error.status === 404 || error.status === 400))) throw error
      this.marked = null
      await this.readEnd()
    }
  }

  /** Whether the shown branch ends with these messages, though its head itself is in the trash. */
  private async endsInHead(messages: Message[]): Promise<boolean> {
    const newest = await this.page({ limit: 1 })
    return newest.messages.at(-1)?.id === messages.at(-1)?.id
  }

  private readSession() {
    return call('GET /api/chat-sessions/{sessionId}', { path: { sessionId: this.id }, query: { messages: false } })
  }

  private page(where: { before?: string; around?: string; limit?: number }) {
    return call('GET /api/chat-messages', { query: { chatSessionId: this.id, limit: PAGE, include: 'siblings', ...where } })
  }

  /** To the newest message, letting go of where one was. */
  async readNewest(): Promise<void> {
    this.marked = null
    if (this.hasNewer || this.aside) await this.readEnd()
  }

  readOlder(): Promise<void> {
    return this.once(async () => {
      if (!this.hasOlder || !this.older) return
      const before = this.older
      const page = await this.page({ before })
      if (this.older !== before) return
      this.older = page.nextCursor
      this.hasOlder = page.nextCursor !== null
      const known = new Set(this.messages.map((one) => one.id))
      let all = [...page.messages.filter((one) => !known.has(one.id)), ...this.messages]
      if (all.length > KEPT) {
        all = all.slice(0, KEPT)
        this.hasNewer = true
      }
      this.keep(all, { ...this.siblings, ...page.siblings })
    })
  }

  readNewer(): Promise<void> {
    return this.once(async () => {
      const last = this.messages.at(-1)
      if (!this.hasNewer || !last) return
      const page = await this.page({ around: last.id, limit: PAGE * 2 })
      // One may have gone elsewhere meanwhile.
      if (this.messages.at(-1)?.id !== last.id) return
      const at = page.messages.findIndex((one) => one.id === last.id)
      this.hasNewer = !!page.newerCursor
      let all = [...this.messages, ...page.messages.slice(at + 1)]
      if (all.length > KEPT) {
        all = all.slice(-KEPT)
        // What is above now is read again from a cursor of its own.
        const above = await this.page({ around: all[0]!.id, limit: 2 })
        this.older = above.nextCursor
        this.hasOlder = this.older !== null
      }
      this.keep(all, { ...this.siblings, ...page.siblings })
    })
  }

  private once(read: () => Promise<void>): Promise<void> {
    this.reading ??= read().catch(() => {}).finally(() => (this.reading = null))
    return this.reading
  }

  /** The newest messages again, put behind those that stay as they are. */
  readTail(): Promise<void> {
    return this.tail.run()
  }

  private readonly tail = new Repeated(() => this.readTailOnce())

  private async readTailOnce(): Promise<void> {
    if (this.hasNewer || this.aside) return
    const page = await this.page({})
    const first = page.messages[0]
    const at = first ? this.messages.findIndex((one) => one.id === first.id) : -1
    if (at > 0) this.keep([...this.messages.slice(0, at), ...page.messages], { ...this.siblings, ...page.siblings })
    else {
      this.keep(page.messages, page.siblings)
      this.older = page.nextCursor
      this.hasOlder = page.nextCursor !== null
    }
  }

  /** Sets the messages, each the object it was where nothing about it has changed, so that only what changed is drawn. */
  private keep(messages: Message[], siblings: Record<string, string[]> = {}): void {
    const before = new Map(this.messages.map((one) => [one.id, one]))
    this.messages = messages.map((one) => {
      const old = before.get(one.id)
      return old && isSame(old, one) ? old : one
    })
    this.siblings = siblings
    this.outbox.arrived(new Set(messages.map((one) => one.id)))
  }

  /** Checkpoints and the context, a moment after the last change. */
  private readAround(): void {
    clearTimeout(this.soon)
    this.soon = setTimeout(() => void this.readAroundOnce(), 150)
  }

  private soon: ReturnType<typeof setTimeout> | undefined

  private async readAroundOnce(): Promise<void> {
    const path = { sessionId: this.id }
    const [checkpoints, context] = await Promise.allSettled([
      call('GET /api/chat-sessions/{sessionId}/checkpoints', { path }),
      call('GET /api/chat-sessions/{sessionId}/context', { path, query: { limit: 0 } }),
    ])
    if (checkpoints.status === 'fulfilled') this.checkpoints = checkpoints.value.checkpoints
    if (context.status === 'fulfilled') this.context = context.value.context
  }

  /** What becomes of each message in what is sent: the newest, or those above the page that gave the cursor. */
  contextLines(before?: string) {
    return call('GET /api/chat-sessions/{sessionId}/context', { path: { sessionId: this.id }, query: { limit: PAGE, before } })
  }

  /** What the session itself has become; null: it is gone. */
  become(session: Session | null): void {
    if (!this.session) return
    if (session) this.session = session
    else this.state = 'missing'
  }

  /** What was committed by whomever. */
  async take(changes: Change[]): Promise<void> {
    if (!this.opened) return
    const kinds = new Set(changes.filter((one) => one.sessionId === this.id).map((one) => one.kind))
    if (!kinds.size || this.state !== 'ready') return
    try {
      if (kinds.has('draft.opened')) await this.joinTurn()
      await this.readTail()
    } catch (error) {
      if (!(error instanceof Unreachable)) return
      await this.connection.whenBack()
      return this.take(changes)
    }
    this.readAround()
  }

  // Turns

  /** Follows the turn that runs in this session, if one does. */
  private async joinTurn(): Promise<void> {
    if (this.busy) return
    const { turn } = await call('GET /api/chat-sessions/{sessionId}/turns', { path: { sessionId: this.id } })
    if (turn && !this.busy) this.follow(turn)
  }

  private follow(running: Pick<ChatTurn, 'id' | 'kind'>): void {
    const turn = new Turn(this.id, running.id, running.kind, this.connection, (title) => {
      if (this.session) this.sessions.put((this.session = { ...this.session, title }))
    })
    this.turn = turn
    void turn.done.then(() => this.settle(turn))
  }

  /** The turn has ended: what it wrote is read as it is stored, and takes the place of what was streamed. */
  private async settle(turn: Turn): Promise<void> {
    try {
      await this.readTail()
    } catch {
      await this.connection.whenBack()
      await this.readTail().catch(() => {})
    }
    if (this.turn === turn && !turn.unsaved) this.turn = null
    this.readAround()
  }

  /** Asks. The question is on the screen and kept by the browser before anything is sent. */
  ask(said: Omit<NewTurn, 'id'>, opens?: NewSession): void {
    this.outbox.put(said, opens)
  }

  async retry(messageId: string, model?: string): Promise<void> {
    const { turn } = await call('POST /api/chat-sessions/{sessionId}/turns', {
      path: { sessionId: this.id },
      body: model ? { retry: messageId, model } : { retry: messageId },
    })
    await this.readTail()
    this.follow(turn)
  }

  /** Has earlier messages summarised now. Resolves with what became of it. */
  async compact(): Promise<string | null> {
    const { turn } = await call('POST /api/chat-sessions/{sessionId}/compact', { path: { sessionId: this.id } })
    if (!this.busy) this.follow(turn)
    const followed = this.turn!
    await followed.done
    return followed.said
  }

  private async post(unsent: Unsent): Promise<void> {
    if (!unsent.opens) await this.opening
    const one = this.placed(unsent)
    const headers = { 'Idempotency-Key': one.id }
    if (one.opens && !this.session) {
      const answer = await call('POST /api/chat-sessions', { body: { ...one.opens, id: this.id }, headers: { 'Idempotency-Key': this.id } })
      this.session = answer.chatSession
    }
    const { turn } = await call('POST /api/chat-sessions/{sessionId}/turns', {
      path: { sessionId: this.id },
      body: { ...one.body, id: one.id },
      headers,
    })
    forgetUnsent(one.id)
    this.opened = true
    await this.readTail().catch(() => {})
    this.outbox.take(one.id)
    if (!this.busy) this.follow(turn)
  }

  /** What is asked below another branch goes on there, and shows it. */
  private placed(one: Unsent): Unsent {
    const leaf = this.messages.at(-1)?.id
    if (!this.aside || !leaf || one.body.edit || one.body.parentId) return one
    this.aside = false
    const placed = { ...one, body: { ...one.body, parentId: leaf } }
    keepUnsent(placed)
    return placed
  }

  // Branches and messages

  /** Shows the branch through another sibling, down to its newest message. */
  async showBranch(messageId: string): Promise<void> {
    const { chatSession } = await call('POST /api/chat-sessions/{sessionId}/head', { path: { sessionId: this.id }, body: { messageId, toEnd: true } })
    this.session = chatSession
    await this.readEnd()
    this.readAround()
  }

  async trashMessage(id: string): Promise<void> {
    await call('DELETE /api/chat-messages/{messageId}', { path: { messageId: id } })
    await this.reread()
  }

  async untrashMessage(id: string): Promise<void> {
    await call('POST /api/chat-messages/{messageId}/untrash', { path: { messageId: id } })
    await this.reread()
  }

  async setInContext(id: string, inContext: boolean): Promise<void> {
    const { message } = await call('PATCH /api/chat-messages/{messageId}', { path: { messageId: id }, body: { inContext } })
    this.messages = this.messages.map((one) => (one.id === id ? message : one))
    this.readAround()
  }

  async revert(checkpointId: string): Promise<void> {
    await call('DELETE /api/chat-sessions/{sessionId}/checkpoints/{checkpointId}', { path: { sessionId: this.id, checkpointId } })
    await this.readAroundOnce()
  }

  private async reread(): Promise<void> {
    if (this.hasNewer && this.messages[0]) {
      const page = await this.page({ around: this.messages[Math.floor(this.messages.length / 2)]!.id, limit: 200 })
      this.keep(page.messages, page.siblings)
    } else await this.readEnd()
    this.readAround()
  }
}

function isSame(one: Message, other: Message): boolean {
  return (
    one.status === other.status && one.digest === other.digest && one.inContext === other.inContext &&
    one.trashedAt === other.trashedAt && one.purgedAt === other.purgedAt && one.digest !== null
  )
}

import { follow } from '../api/events'
import { Problem, Unreachable } from '../api/problem'
import type { Change } from '../api/types'
import type { Connection } from './connection.svelte'

/** How long a window out of sight keeps its connection; browsers allow few of them per server. Milliseconds. */
const OUT_OF_SIGHT = 30_000

/** What is committed while the page is open, by this window or another. */
export class Changes {
  private mark: string | undefined
  private running: AbortController | undefined
  private hiding: ReturnType<typeof setTimeout> | undefined
  private gathered: Change[] = []

  constructor(
    private readonly connection: Connection,
    /** Given all that came within a moment, in order of commit. */
    private readonly tell: (changes: Change[]) => void,
    /** Called when something may have been missed. */
    private readonly missed: () => void,
  ) {}

  start(): void {
    this.run()
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.hiding)
      if (document.visibilityState === 'visible') this.run()
      else this.hiding = setTimeout(() => this.stop(), OUT_OF_SIGHT)
    })
  }

  stop(): void {
    this.running?.abort()
    this.running = undefined
  }

  private run(): void {
    if (this.running) return
    this.running = new AbortController()
    void this.keep(this.running.signal)
  }

  private async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const sent of follow('/api/changes', {}, { after: this.mark }, { signal })) {
          if (sent.id) this.mark = sent.id
          if (sent.type === 'change') this.gather(JSON.parse(sent.data) as Change)
        }
        if (!signal.aborted) throw new Unreachable()
      } catch (error) {
        if (error instanceof Problem && error.status !== 401) {
          if (error.status === 404) return
          this.mark = undefined
          this.missed()
          await new Promise((resolve) => setTimeout(resolve, (error.retryAfter ?? 2) * 1000))
          continue
        }
        const marked = this.mark !== undefined
        if (error instanceof Problem) this.connection.signedOut = true
        this.connection.lost()
        await this.connection.whenBack()
        if (!marked) this.missed()
      }
    }
  }

  private gather(change: Change): void {
    if (this.gathered.push(change) > 1) return
    setTimeout(() => this.tell(this.gathered.splice(0)), 30)
  }
}

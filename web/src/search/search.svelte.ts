import { call } from '../api/client'
import { wordsOf } from '../api/problem'
import type { Hit, Operations } from '../api/types'

type Asked = NonNullable<Operations['GET /api/search']['query']> & { q: string }
const PAUSE = 100

/** A search that follows what is typed: the answer to the last question, however late those to earlier ones come. */
export class Search {
  hits = $state.raw<Hit[]>([])
  cut = $state(false)
  running = $state(false)
  failed = $state<string | null>(null)
  /** What the hits answer. */
  answered = $state('')
  next = $state<string | null>(null)
  private asked: Asked = { q: '' }
  private timer: ReturnType<typeof setTimeout> | undefined
  private current: AbortController | undefined

  ask(asked: Asked): void {
    clearTimeout(this.timer)
    this.asked = asked
    if (!asked.q.trim()) {
      this.current?.abort()
      this.hits = []
      this.answered = ''
      this.running = false
      return
    }
    this.running = true
    this.timer = setTimeout(() => void this.run(), PAUSE)
  }

  async more(): Promise<void> {
    if (!this.next || this.running) return
    this.running = true
    await this.read(this.next)
  }

  private run(): Promise<void> {
    return this.read()
  }

  private async read(cursor?: string): Promise<void> {
    this.current?.abort()
    const own = (this.current = new AbortController())
    try {
      const page = await call('GET /api/search', { query: { ...this.asked, cursor }, signal: own.signal })
      this.hits = cursor ? [...this.hits, ...page.hits] : page.hits
      this.next = page.nextCursor
      this.cut = page.cut
      this.answered = this.asked.q
      this.failed = null
    } catch (error) {
      if (own.signal.aborted) return
      this.failed = wordsOf(error)
    }
    if (this.current === own) this.running = false
  }
}

import { onContact } from '../api/client'

const FIRST_WAIT = 500
const LONGEST_WAIT = 8_000

/** Whether the server is there and knows who asks. What must wait for that asks `whenBack`. */
export class Connection {
  state = $state<'connected' | 'lost'>('connected')
  /** It is there, but whoever was signed in is not any more; signing in again in any window ends that. */
  signedOut = $state(false)
  private waiting: (() => void)[] = []
  private timer: ReturnType<typeof setTimeout> | undefined
  private wait = FIRST_WAIT

  constructor() {
    onContact((event) => {
      if (event === 'answered') return this.back()
      if (event === 'signed-out') this.signedOut = true
      this.lost()
    })
    addEventListener('online', () => this.lookNow())
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.lookNow())
  }

  lost(): void {
    this.state = 'lost'
    this.timer ??= setTimeout(() => void this.look(), this.wait)
  }

  /** Resolves once the server answers again; at once if it does. */
  whenBack(): Promise<void> {
    if (this.state === 'connected') return Promise.resolve()
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  lookNow(): void {
    if (this.state !== 'lost') return
    clearTimeout(this.timer)
    this.wait = FIRST_WAIT
    void this.look()
  }

  private async look(): Promise<void> {
    this.timer = undefined
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT)
    try {
      const response = await fetch('/api/me', { cache: 'no-store' })
      this.signedOut = response.status === 401
      if (response.ok) return this.back()
    } catch {
      // still away
    }
    this.lost()
  }

  private back(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.wait = FIRST_WAIT
    this.state = 'connected'
    this.signedOut = false
    for (const resolve of this.waiting.splice(0)) resolve()
  }
}

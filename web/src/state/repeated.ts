/** Work that is done again and again, one at a time. Who asks while it runs shares the run after it. */
export class Repeated {
  private running: Promise<void> | null = null
  private next: Promise<void> | null = null

  constructor(private readonly work: () => Promise<void>) {}

  run(): Promise<void> {
    if (!this.running) return this.begin()
    this.next ??= this.running
      .catch(() => {})
      .then(() => {
        this.next = null
        return this.begin()
      })
    return this.next
  }

  private begin(): Promise<void> {
    const run = this.work()
    this.running = run
    const end = () => {
      if (this.running === run) this.running = null
    }
    run.then(end, end)
    return run
  }
}

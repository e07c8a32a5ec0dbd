export interface Notice {
  id: number
  text: string
  kind: 'done' | 'failed'
  action?: { label: string; run: () => void } | undefined
}

const SECONDS = { done: 8, failed: 14 }

/** Short sentences at the edge of the page about what was done, each perhaps with a way back. */
export class Notices {
  all = $state.raw<Notice[]>([])
  private count = 0

  done(text: string, action?: Notice['action']): void {
    this.add({ id: ++this.count, text, kind: 'done', action })
  }

  failed(text: string, action?: Notice['action']): void {
    this.add({ id: ++this.count, text, kind: 'failed', action })
  }

  close(id: number): void {
    this.all = this.all.filter((one) => one.id !== id)
  }

  private add(notice: Notice): void {
    this.all = [...this.all.slice(-2), notice]
    setTimeout(() => this.close(notice.id), SECONDS[notice.kind] * 1000)
  }
}

import type { Session } from '../api/types'

/** A line of the list: the name of a group, or a session in it. */
export type Row = { kind: 'group'; id: string; label: string } | { kind: 'session'; id: string; session: Session }

const DAY = 86_400_000

/** Sessions under Pinned, Today, Yesterday, Last 7 days, Last 30 days, then by month; each list is newest first. */
export function rowsOf(pinned: Session[], rest: Session[], now: Date): Row[] {
  const rows: Row[] = []
  if (pinned.length) rows.push({ kind: 'group', id: 'pinned', label: 'Pinned' })
  for (const session of pinned) rows.push({ kind: 'session', id: session.id, session })
  const groups = new Groups(now)
  let last = ''
  for (const session of rest) {
    const label = groups.labelOf(session.updatedAt)
    if (label !== last) rows.push({ kind: 'group', id: label, label })
    last = label
    rows.push({ kind: 'session', id: session.id, session })
  }
  return rows
}

class Groups {
  private readonly today: number
  private readonly month = new Intl.DateTimeFormat('en', { month: 'long' })
  private readonly year: number
  private asked = ''
  private answered = ''

  constructor(now: Date) {
    this.today = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime()
    this.year = now.getFullYear()
  }

  /** Neighbours mostly share the ten minutes, and those lie in one group wherever one is. */
  labelOf(at: string): string {
    const minutes = at.slice(0, 15)
    if (minutes !== this.asked) {
      this.asked = minutes
      this.answered = this.find(at)
    }
    return this.answered
  }

  private find(at: string): string {
    const time = Date.parse(at)
    if (time >= this.today) return 'Today'
    if (time >= this.today - DAY) return 'Yesterday'
    if (time >= this.today - 7 * DAY) return 'Last 7 days'
    if (time >= this.today - 30 * DAY) return 'Last 30 days'
    const date = new Date(time)
    const month = this.month.format(date)
    return date.getFullYear() === this.year ? month : `${month} ${date.getFullYear()}`
  }
}

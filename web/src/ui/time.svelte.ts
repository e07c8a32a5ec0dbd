import { createSubscriber } from 'svelte/reactivity'

/** The present, anew each minute for whoever shows it. */
const minutes = createSubscriber((update) => {
  const timer = setInterval(update, 60_000)
  return () => clearInterval(timer)
})

export function now(): Date {
  minutes()
  return new Date()
}

const DAY = 86_400_000
const weekday = new Intl.DateTimeFormat('en', { weekday: 'short' })
const date = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' })
const dateAndYear = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' })
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const full = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'short' })

/** How long ago, short: "now", "5 min", "3 h", "Mon", "12 Mar", "12 Mar 2025". */
export function ago(at: string, from: Date): string {
  const then = new Date(at)
  const passed = from.getTime() - then.getTime()
  if (passed < 60_000) return 'now'
  if (passed < 3_600_000) return `${Math.floor(passed / 60_000)} min`
  if (passed < DAY) return `${Math.floor(passed / 3_600_000)} h`
  if (passed < 6 * DAY) return weekday.format(then)
  return then.getFullYear() === from.getFullYear() ? date.format(then) : dateAndYear.format(then)
}

/** When, beside a message: the time alone today, with the date before that. */
export function when(at: string, from: Date): string {
  const then = new Date(at)
  return then.toDateString() === from.toDateString() ? clock.format(then) : `${ago(at, from)}, ${clock.format(then)}`
}

export function inFull(at: string): string {
  return full.format(new Date(at))
}

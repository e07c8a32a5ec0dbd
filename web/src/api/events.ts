import { addressOf, type Options } from './client'
import { problemOf, Unreachable } from './problem'

/** One server-sent event. */
export interface Sent {
  id: string
  type: string
  data: string
}

/** How long nothing at all may come, heartbeats included, before the connection counts as lost. Milliseconds. */
const SILENCE = 45_000

/** The events of one connection, until it ends. Raises as `call` does, `Unreachable` where it breaks. */
export async function* follow(
  template: string,
  path: Record<string, string>,
  query: Record<string, unknown>,
  { signal }: Options,
): AsyncGenerator<Sent> {
  const gone = new AbortController()
  signal?.addEventListener('abort', () => gone.abort(), { once: true })
  let timer = setTimeout(() => gone.abort(), SILENCE)
  try {
    const response = await fetch(addressOf(template, path, query), {
      headers: { Accept: 'text/event-stream' },
      credentials: 'same-origin',
      signal: gone.signal,
    })
    if (!response.ok) throw await problemOf(response)
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    const parser = new Parser()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      clearTimeout(timer)
      timer = setTimeout(() => gone.abort(), SILENCE)
      yield* parser.take(value)
    }
  } catch (error) {
    if (signal?.aborted) return
    if (error instanceof TypeError || (error instanceof DOMException && error.name === 'AbortError')) throw new Unreachable()
    throw error
  } finally {
    clearTimeout(timer)
    gone.abort()
  }
}

/** Takes a stream of server-sent events apart. */
export class Parser {
  private data: string[] = []
  private rest = ''
  private id = ''
  private marked = false
  private type = '';

  *take(text: string): Generator<Sent> {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/)
    this.rest = lines.pop()!
    for (const line of lines) {
      if (line === '') {
        // One without data tells where the stream stands.
        if (this.data.length || this.marked) yield { id: this.id, type: this.type || 'message', data: this.data.join('\n') }
        this.type = ''
        this.data = []
        this.marked = false
      } else this.field(line)
    }
  }

  private field(line: string): void {
    const at = line.indexOf(':')
    if (at === 0) return
    const name = at < 0 ? line : line.slice(0, at)
    const value = at < 0 ? '' : line.slice(at + (line[at + 1] === ' ' ? 2 : 1))
    if (name === 'data') this.data.push(value)
    else if (name === 'event') this.type = value
    else if (name === 'id') {
      this.id = value
      this.marked = true
    }
  }
}

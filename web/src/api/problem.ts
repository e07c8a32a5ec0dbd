/** What the server says when it does not do what it was asked (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly errors: { field: string; detail: string }[] = [],
    /** Seconds. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail)
    this.name = 'Problem'
  }
}

/** No answer came: the server is away, or the network is. */
export class Unreachable extends Error {
  constructor() {
    super('Palaver cannot be reached.')
    this.name = 'Unreachable'
  }
}

/** Whether asking again later, with the server there and somebody signed in, is all that is needed. */
export function isPassing(error: unknown): boolean {
  if (error instanceof Problem) return error.status === 401 || error.status === 503 || error.retryAfter !== null
  return error instanceof Unreachable
}

export async function problemOf(response: Response): Promise<Problem> {
  const said = await response.json().catch(() => null) as Partial<Problem> & { detail?: string; title?: string } | null
  const text = said?.detail || said?.title || `The server answered ${response.status}.`
  const wait = Number(response.headers.get('Retry-After')) || null
  return new Problem(response.status, said?.code ?? String(response.status), text, said?.errors ?? [], wait)
}

/** What went wrong, in words for a person. */
export function wordsOf(error: unknown): string {
  if (error instanceof Problem && error.errors.length) {
    return error.errors.map((one) => `${one.field}: ${one.detail}`).join(' ')
  }
  return error instanceof Error ? error.message : String(error)
}

import { problemOf, Unreachable } from './problem'
import type { Operations } from './types'

type Operation = keyof Operations
type Given<K extends Operation> = Omit<Operations[K], 'answer'>
type Args<K extends Operation> = object extends Given<K> ? [given?: Given<K> & Options] : [given: Given<K> & Options]
export type Answer<K extends Operation> = Operations[K]['answer']

export interface Options {
  signal?: AbortSignal
  headers?: Record<string, string>
}

interface Anything extends Options {
  path?: Record<string, string>
  query?: Record<string, unknown>
  body?: unknown
}

/** Told of every answer and of every silence, so that the page knows whether the server is there. */
let listener: (event: 'answered' | 'silent' | 'signed-out') => void = () => {}
export function onContact(heard: typeof listener): void {
  listener = heard
}

/** Does one operation of the server. Raises `Problem` for what it refuses and `Unreachable` where no answer comes. */
export async function call<K extends Operation>(operation: K, ...[given]: Args<K>): Promise<Answer<K>> {
  const response = await send(operation, given)
  return (await response.json()) as Answer<K>
}

/** The same for bodies and answers that are no JSON. */
export async function send(operation: string, given: Anything = {}): Promise<Response> {
  const [method, template] = operation.split(' ') as [string, string]
  const headers: Record<string, string> = { Accept: 'application/json', ...given.headers }
  let body: BodyInit | undefined
  if (given.body instanceof Blob) body = given.body
  else if (given.body !== undefined) {
    body = JSON.stringify(given.body)
    headers['Content-Type'] = 'application/json'
  }
  const address = addressOf(template, given.path, given.query)
  const response = await reach(address, { method, headers, body, signal: given.signal })
  if (response.ok) return response
  throw await problemOf(response)
}

export function addressOf(template: string, path: Record<string, string> = {}, query: Record<string, unknown> = {}): string {
  const place = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ''))
  const asked = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue
    for (const one of Array.isArray(value) ? value : [value]) asked.append(name, String(one))
  }
  return asked.size ? `${place}?${asked}` : place
}

async function reach(address: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(address, { credentials: 'same-origin', ...init })
    // A proxy that finds nobody behind it says so with one of these, in words of its own.
    const away = [502, 504].includes(response.status) && !response.headers.get('Content-Type')?.includes('problem+json')
    // What anybody may ask says nothing about whether somebody is signed in.
    const open = address.startsWith('/api/auth')
    if (away) listener('silent')
    else if (!open) listener(response.status === 401 ? 'signed-out' : 'answered')
    if (away) throw new Unreachable()
    return response
  } catch (error) {
    if (error instanceof Unreachable || (error instanceof DOMException && error.name === 'AbortError')) throw error
    listener('silent')
    throw new Unreachable()
  }
}

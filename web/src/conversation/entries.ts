import type { Message } from '../api/types'
import type { Conversation } from '../state/conversation.svelte'
import type { Answer } from '../state/turn.svelte'

/** The messages to show, those that still come at the end. One that is stored and still streams is shown as it streams. */
export function entriesOf(conversation: Conversation): Message[] {
  const live = new Map(conversation.turn?.answers.map((answer) => [answer.id, answer]))
  const called = new Set<string>()
  const entries: Message[] = []
  for (const message of conversation.messages) {
    for (const part of message.parts) if (part.type === 'tool_call') called.add(part.id)
    // What a tool gave back is shown with its call.
    if (message.role === 'tool' && message.parts.every((part) => part.type !== 'tool_result' || called.has(part.callId))) continue
    if (!live.has(message.id)) entries.push(message)
    else if (message.status !== 'streaming') {
      entries.push(message)
      live.delete(message.id)
    }
  }
  for (const answer of live.values()) entries.push(messageOf(answer, conversation.id))
  return entries
}

function messageOf(answer: Answer, sessionId: string): Message {
  return {
    id: answer.id,
    sessionId,
    parentId: null,
    position: 0,
    role: 'assistant',
    parts: answer.parts,
    content: '',
    status: answer.status,
    error: answer.error,
    inContext: true,
    model: answer.model,
    provider: answer.provider,
    usage: null,
    digest: null,
    matchKey: null,
    createdAt: answer.createdAt,
    trashedAt: null,
    purgedAt: null,
    metadata: {},
    origin: null,
  }
}

/** The text of a message, as it is copied and edited. */
export function textOf(message: Message): string {
  return message.parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('')
}

/** Pixels of a line, and characters in one. */
const LINE = 24
const WIDE = 90

/** About how high a message will be: good enough to know how many fill a screen. Pixels. */
export function roughHeight(message: Message): number {
  let lines = 3
  for (const part of message.parts) {
    if (part.type !== 'text') lines += 1
    else for (const line of part.text.split('\n')) lines += Math.ceil(line.length / WIDE)
  }
  return lines * LINE
}

export type Role = 'system' | 'user' | 'assistant' | 'tool' | 'note'
export type Status = 'complete' | 'streaming' | 'interrupted' | 'cancelled' | 'error'

export interface Text { type: 'text'; text: string }
export interface Reasoning { type: 'reasoning'; text: string }
export interface ToolCall { type: 'tool_call'; id: string; name: string; args: unknown }
export interface ToolResult {
  type: 'tool_result'; callId: string; name: string; llmContent: unknown; returnDisplay?: string | null; isError?: boolean
}
export interface File { type: 'file'; digest: string; name: string; mime: string; size: number }
export interface Event { type: 'event'; name: string; data: Record<string, unknown> }
export interface Opaque { type: 'opaque'; source: string; data: unknown }
export type Part = Text | Reasoning | ToolCall | ToolResult | File | Event | Opaque

export interface Usage {
  inputTokens?: number | null; outputTokens?: number | null; cachedTokens?: number | null; reasoningTokens?: number | null
}
export interface Origin { source: string; id: string }

export interface Project {
  id: string; name: string; description: string; ownerId: string; createdAt: string; updatedAt: string
  trashedAt: string | null; role?: 'viewer' | 'editor' | 'owner'
}
export interface Session {
  id: string; projectId: string; title: string; titleSource: 'default' | 'first_message' | 'model' | 'user'
  model: string | null; provider: string | null; contextSize: number | null; systemPrompt: string | null
  settings: Record<string, unknown>; tags: string[]; pinned: boolean; archivedAt: string | null; trashedAt: string | null
  headId: string | null; messageCount: number; tokenCount: number; compressionCount: number; parentId: string | null
  relation: 'fork' | 'model_swap' | 'rollover' | 'new' | null; createdAt: string; updatedAt: string; revision: number
  metadata: Record<string, unknown>; origin: Origin | null; lastMessage?: string | null
}
export interface Message {
  id: string; sessionId: string; parentId: string | null; position: number; role: Role; parts: Part[]; status: Status
  error: string | null; inContext: boolean; model: string | null; provider: string | null; usage: Usage | null
  digest: string | null; matchKey: string | null; createdAt: string; trashedAt: string | null; purgedAt: string | null
  metadata: Record<string, unknown>; origin: Origin | null; content?: string
}
export interface Checkpoint {
  id: string; sessionId: string; kind: 'summary' | 'merged' | 'rollover'; fromId: string; throughId: string
  summary: string; level: number; number: number; tokenCount: number; model: string | null; replaces: string[]
  createdAt: string; revertedAt: string | null
}
export interface Snapshot {
  id: string; sessionId: string; name: string; purpose: 'manual' | 'recovery' | 'rollback' | 'emergency'
  headId: string | null; checkpointIds: string[]; settings: Record<string, unknown>; tokenCount: number; createdAt: string
}
export interface Hit {
  sessionId: string; messageId: string | null; projectId: string; title: string; role: Role | null; snippet: string
  ranges: [number, number][]; score: number; createdAt: string
}
export interface Change {
  mark: string; kind: string; projectId: string | null; sessionId: string | null; messageId: string | null
}
export interface ModelInfo { id: string; provider: string; window: number | null; images: boolean | null; tools: boolean | null }
export interface Turn { id: string; chatSessionId: string }
export interface Account {
  id: string; name: string; email: string; administrator: boolean; disabledAt: string | null; createdAt: string
}
export interface Me { actor: string; mode: 'local' | 'team'; account: Account | null; scope: 'read' | 'write'; version: string }
export interface Auth { mode: 'local' | 'team'; setup: boolean; providers: { name: string; title: string }[] }

interface SessionPath { sessionId: string }
export interface NewSession {
  projectId?: string | null; title?: string | null; model?: string | null; provider?: string | null
  contextSize?: number | null; systemPrompt?: string | null; settings?: Record<string, unknown> | null; id?: string | null
  parentId?: string | null; relation?: Session['relation']
}
export interface SessionChange {
  title?: string; model?: string | null; provider?: string | null; contextSize?: number | null; systemPrompt?: string | null
  settings?: Record<string, unknown>; tags?: string[]; pinned?: boolean; archived?: boolean; projectId?: string
  metadata?: Record<string, unknown>; expectedRevision?: number
}
export interface NewTurn {
  content?: string; parts?: Part[]; parentId?: string | null; model?: string | null; id?: string; edit?: string; retry?: string
}
export interface Operations {
  'GET /api/auth': { answer: Auth }
  'GET /api/me': { answer: Me }
  'GET /api/projects': { query: { trashed?: boolean; cursor?: string; limit?: number }; answer: { projects: Project[]; nextCursor: string | null } }
  'POST /api/projects': { body: { name: string; description?: string }; answer: { project: Project } }
  'GET /api/chat-sessions': {
    query: {
      projectId?: string; state?: 'open' | 'archived' | 'trash' | 'any'; tag?: string[]; pinned?: boolean; model?: string
      before?: string; after?: string; empty?: boolean; cursor?: string; limit?: number
    }
    answer: { chatSessions: Session[]; nextCursor: string | null }
  }
  'POST /api/chat-sessions': { body: NewSession; answer: { chatSession: Session } }
  'GET /api/chat-sessions/{sessionId}': { path: SessionPath; answer: { chatSession: Session } }
  'PATCH /api/chat-sessions/{sessionId}': { path: SessionPath; body: SessionChange; answer: { chatSession: Session } }
  'DELETE /api/chat-sessions/{sessionId}': { path: SessionPath; query?: { purge?: boolean }; answer: { success: boolean } }
  'POST /api/chat-sessions/{sessionId}/untrash': { path: SessionPath; answer: { chatSession: Session } }
  'POST /api/chat-sessions/{sessionId}/fork': { path: SessionPath; body: { leafId?: string | null; title?: string | null }; answer: { chatSession: Session } }
  'POST /api/chat-sessions/{sessionId}/head': { path: SessionPath; body: { messageId: string | null }; answer: { chatSession: Session } }
  'GET /api/chat-messages': {
    query: { chatSessionId: string; leafId?: string; before?: string; after?: string; around?: string; limit?: number; include?: 'siblings' }
    answer: { messages: Message[]; nextCursor: string | null; newerCursor: string | null; siblings?: Record<string, string[]> }
  }
  'GET /api/chat-messages/{messageId}': { path: { messageId: string }; answer: { message: Message } }
  'PATCH /api/chat-messages/{messageId}': { path: { messageId: string }; body: { inContext?: boolean }; answer: { message: Message } }
  'DELETE /api/chat-messages/{messageId}': { path: { messageId: string }; query?: { purge?: boolean }; answer: { success: boolean } }
  'POST /api/chat-messages/{messageId}/untrash': { path: { messageId: string }; answer: { message: Message } }
  'POST /api/chat-sessions/{sessionId}/turns': { path: SessionPath; body: NewTurn; answer: { turn: Turn } }
  'GET /api/chat-sessions/{sessionId}/turns': { path: SessionPath; answer: { turn: Turn | null } }
  'DELETE /api/chat-sessions/{sessionId}/turns/{turnId}': { path: { sessionId: string; turnId: string }; answer: { success: boolean } }
  'POST /api/chat-sessions/{sessionId}/turns/{turnId}/answers': { path: { sessionId: string; turnId: string }; body: { requestId: string; choice: string }; answer: { success: boolean } }
  'GET /api/chat-sessions/{sessionId}/context': { path: SessionPath; answer: { context: Weighed } }
  'GET /api/chat-sessions/{sessionId}/checkpoints': { path: SessionPath; answer: { checkpoints: Checkpoint[] } }
  'DELETE /api/chat-sessions/{sessionId}/checkpoints/{checkpointId}': { path: { sessionId: string; checkpointId: string }; answer: { checkpoint: Checkpoint } }
  'POST /api/chat-sessions/{sessionId}/compact': { path: SessionPath; answer: { turn: Turn } }
  'POST /api/chat-sessions/{sessionId}/clear': { path: SessionPath; answer: { chatSession: Session } }
  'GET /api/models': { answer: { models: ModelInfo[] } }
}
interface Any { id: string }
export type TurnEvent =
  | (Any & { type: 'turn_started'; sessionId: string; turnId: string; answerId: string; model: string; provider: string; unsaved?: string | null })
  | (Any & { type: 'title_changed'; sessionId: string; title: string })
  | (Any & { type: 'context_warning'; text: string; tokens: number; limit: number; window: number; truncated?: boolean })
  | (Any & { type: 'checkpoint_started'; sessionId: string; messages: number; tokens: number })
  | (Any & { type: 'checkpoint_progress'; stage: string; percent: number })
  | (Any & { type: 'checkpoint_finished'; checkpoint: Checkpoint | null; text: string; before: number; after: number })
  | (Any & { type: 'rollover'; snapshotId: string; checkpoint: Checkpoint; previousTokens: number; newTokens: number })
  | (Any & { type: 'input_required'; requestId: string; kind: 'tool' | 'rollover'; text: string; choices: string[]; default: string; call?: ToolCall | null })
  | (Any & { type: 'text_delta'; text: string })
  | (Any & { type: 'reasoning_delta'; text: string })
  | (Any & { type: 'tool_call'; call: ToolCall })
  | (Any & { type: 'tool_result'; result: ToolResult })
  | (Any & { type: 'turn_finished'; message: Message; finishReason?: string | null; newSessionId?: string | null; unsaved?: string | null })
  | (Any & { type: 'turn_failed'; message: Message; code: string; error: string; retryable?: boolean; retryAfter?: number | null; unsaved?: string | null })
export type InputRequired = Extract<TurnEvent, { type: 'input_required' }>
export interface Thresholds { warning: number; checkpoint: number; emergency: number; rollover: number }
export interface Weighed {
  sessionId: string; model: string | null; provider: string | null; window: number; windowSource: string; limit: number
  tokens: number; budget: number; used: number; truncated: boolean; systemPrompt: number; template: number; tools: number
  checkpoints: number; messages: number; checkpointCount: number; messageCount: number; thresholds: Thresholds
}

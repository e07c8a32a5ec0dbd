import type { ChatMessage, Operations as Known } from './schema'

export type {
  Account, ApiToken, Change, ChatMessage as Message, ChatProject as Project, ChatSession as Session, Checkpoint,
  CreateSession as NewSession, Entrance, Event, File, Hit, ImportReport, InputRequired, Invitation, Me, Member, ModelInfo, Opaque,
  ProviderInfo, Reasoning, SignIn, Text, ToolCall, ToolResult, TurnEvent, UpdateSession as SessionChange, Usage, Weighed,
} from './schema'

export type Part = ChatMessage['parts'][number]
export type Status = ChatMessage['status']

export interface Turn { id: string; chatSessionId: string }
export interface NewTurn {
  content?: string; parts?: Part[]; parentId?: string | null; model?: string | null; id?: string; edit?: string; retry?: string
}

interface Coming {
  'POST /api/chat-sessions/{sessionId}/turns': { path: { sessionId: string }; body: NewTurn; answer: { turn: Turn } }
  'GET /api/chat-sessions/{sessionId}/turns': { path: { sessionId: string }; answer: { turn: Turn | null } }
  'DELETE /api/chat-sessions/{sessionId}/turns/{turnId}': { path: { sessionId: string; turnId: string }; answer: { success: boolean } }
  'POST /api/chat-sessions/{sessionId}/turns/{turnId}/answers': {
    path: { sessionId: string; turnId: string }; body: { requestId: string; choice: string }; answer: { success: boolean }
  }
  'POST /api/chat-sessions/{sessionId}/compact': { path: { sessionId: string }; answer: { turn: Turn } }
}
export type Operations = Known & Coming

import type { ChatMessage } from './schema'

export type {
  Account, ApiToken, Change, ChatMessage as Message, ChatProject as Project, ChatSession as Session, ChatTurn, Checkpoint,
  CreateSession as NewSession, Entrance, Event, File, Hit, ImportReport, InputRequired, Invitation, Line, Me, Member, ModelInfo, Opaque,
  Operations, ProviderInfo, Reasoning, SignIn, StartTurn as NewTurn, Text, ToolCall, ToolResult, TurnEvent,
  UpdateSession as SessionChange, Usage, Weighed,
} from './schema'

export type Part = ChatMessage['parts'][number]
export type Status = ChatMessage['status']

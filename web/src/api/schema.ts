// Written by `python -m tools.client` from the server's table of operations; a test holds that it is current.

/** Who is signed in needs the `code` alone; who has no account yet, a password. */
export interface AcceptInvitation {
  code: string
  name?: string | null
  email?: string | null
  password?: string | null
}

/** A person who may sign in. One with `disabled_at` may not; what is theirs stays. */
export interface Account {
  id: string
  email: string
  name: string
  administrator: boolean
  hasPassword: boolean
  disabledAt: string | null
  createdAt: string
  updatedAt: string
}

export interface AccountAnswer {
  account: Account
}

export interface AccountsAnswer {
  accounts: Account[]
  nextCursor: string | null
}

/** A summary that stands for the messages `fromId` to `throughId` of one branch. */
export interface AddCheckpoint {
  fromId: string
  throughId: string
  summary: string
  kind?: "merged" | "rollover" | "summary"
  level?: number
  tokenCount?: number | null
  model?: string | null
  replaces?: string[]
  id?: string | null
}

export interface AddMember {
  email: string
  role: "editor" | "owner" | "viewer"
  expiresInDays?: number
}

/** `key` goes into `credentials.toml`, all else into `config.toml`. */
export interface AddProvider {
  kind?: "anthropic" | "demo" | "ollama" | "openai"
  address?: string
  key?: string | null
  name: string
  model?: string | null
}

/** `member` where the address has an account, else `invitation` with its `link`. */
export interface AddedAnswer {
  member?: Member
  invitation?: Invitation
  link?: string
}

export interface AnswerTurn {
  requestId: string
  choice: string
}

/** What a program signs in with. `hint` is how it begins; `last_used_at` is true to the minute. */
export interface ApiToken {
  id: string
  name: string
  scope: "read" | "write"
  hint: string
  createdAt: string
  expiresAt: string | null
  lastUsedAt: string | null
}

/** One committed change. `kind` is a noun and what happened to it, such as `message.added`. */
export interface Change {
  mark: string
  kind: string
  projectId: string | null
  sessionId?: string | null
  messageId?: string | null
}

/** The role "owner" hands the project over; who had it stays as editor. */
export interface ChangeMember {
  role: "editor" | "owner" | "viewer"
}

/** `old` is null where there was none: who signed in with an OpenID provider alone. */
export interface ChangePassword {
  old?: string | null
  new: string
}

/** A message; `content` is the text of its parts in one. */
export interface ChatMessage {
  id: string
  sessionId: string
  parentId: string | null
  position: number
  role: "assistant" | "note" | "system" | "tool" | "user"
  parts: (Text | Reasoning | ToolCall | ToolResult | File | Event | Opaque)[]
  status: "cancelled" | "complete" | "error" | "interrupted" | "streaming"
  error: string | null
  inContext: boolean
  model: string | null
  provider: string | null
  usage: Usage | null
  digest: string | null
  matchKey: string | null
  createdAt: string
  trashedAt: string | null
  purgedAt: string | null
  metadata: Record<string, unknown>
  origin: Origin | null
  content: string
}

/** A project and what the one who asks may do in it. */
export interface ChatProject {
  id: string
  name: string
  description: string
  ownerId: string
  createdAt: string
  updatedAt: string
  trashedAt: string | null
  role: "editor" | "owner" | "viewer"
}

/** A session, in lists with the beginning of its last message, or with its messages where they were asked for. */
export interface ChatSession {
  id: string
  projectId: string
  title: string
  titleSource: "default" | "first_message" | "model" | "user"
  model: string | null
  provider: string | null
  contextSize: number | null
  systemPrompt: string | null
  settings: Record<string, unknown>
  tags: string[]
  pinned: boolean
  archivedAt: string | null
  trashedAt: string | null
  headId: string | null
  messageCount: number
  tokenCount: number
  compressionCount: number
  parentId: string | null
  relation: "fork" | "model_swap" | "new" | "rollover" | null
  createdAt: string
  updatedAt: string
  revision: number
  metadata: Record<string, unknown>
  origin: Origin | null
  lastMessage?: string | null
  messages?: ChatMessage[]
}

/** `id` is that of the question; of a summary its own. `asked` is the event `input_required` that waits for a choice. */
export interface ChatTurn {
  id: string
  chatSessionId: string
  kind: "answer" | "summary"
  actor: string
  answerId: string | null
  begunAt: string
  endedAt: string | null
  stopRequested: boolean
  asked: Record<string, unknown> | null
}

/** A summary that stands for the messages `from_id` … `through_id` in what is sent. It never changes. */
export interface Checkpoint {
  id: string
  sessionId: string
  kind: "merged" | "rollover" | "summary"
  fromId: string
  throughId: string
  summary: string
  level: number
  number: number
  tokenCount: number
  model: string | null
  replaces: string[]
  createdAt: string
  revertedAt: string | null
}

export interface CheckpointAnswer {
  checkpoint: Checkpoint
}

/** `checkpoint` stands for `before` tokens with `after`. None: nothing has changed, and `text` says why. */
export interface CheckpointFinished {
  type: "checkpoint_finished"
  checkpoint: Checkpoint | null
  text: string
  before: number
  after: number
  id: string
}

/** How far it is, 0 to 100 percent. */
export interface CheckpointProgress {
  type: "checkpoint_progress"
  stage: "checkpoint" | "identify" | "prepare" | "summarise" | "update" | "validate"
  percent: number
  id: string
}

/** Older messages are about to be summarised: `messages` of them, `tokens` in all. Until the end is told the session takes no new turn. */
export interface CheckpointStarted {
  type: "checkpoint_started"
  sessionId: string
  messages: number
  tokens: number
  id: string
}

export interface CheckpointsAnswer {
  checkpoints: Checkpoint[]
}

/** `context` in numbers, all of them tokens but the counts; `lines` in order, with the reason for what is not sent. */
export interface ContextAnswer {
  context: Weighed
  lines: Line[]
  nextCursor: string | null
}

/** The conversation is near or over what the model can be sent. `text` says it to a person. */
export interface ContextWarning {
  type: "context_warning"
  text: string
  tokens: number
  limit: number
  window: number
  truncated?: boolean
  id: string
}

/** To the server, or with `projectId` and `role` to a project; with `accountId` to set a new password. */
export interface CreateInvitation {
  email?: string | null
  administrator?: boolean
  projectId?: string | null
  role?: "editor" | "owner" | "viewer" | null
  accountId?: string | null
  expiresInDays?: number
}

/** `content` where a text suffices, else `parts`. Without `parentId` it goes to the head, null begins a new branch. */
export interface CreateMessage {
  chatSessionId: string
  role: "assistant" | "note" | "system" | "tool" | "user"
  content?: string | null
  parts?: (Text | Reasoning | ToolCall | ToolResult | File | Event | Opaque)[] | null
  parentId?: string | null
  id?: string | null
  status?: "cancelled" | "complete" | "error" | "interrupted" | "streaming" | null
  error?: string | null
  inContext?: boolean | null
  model?: string | null
  provider?: string | null
  usage?: Usage | null
  createdAt?: string | null
  metadata?: Record<string, unknown> | null
  origin?: Origin | null
}

export interface CreateProject {
  name: string
  description?: string
  id?: string | null
}

/** `name` is taken for `title`. */
export interface CreateSession {
  projectId?: string | null
  title?: string | null
  name?: string | null
  model?: string | null
  provider?: string | null
  contextSize?: number | null
  systemPrompt?: string | null
  settings?: Record<string, unknown> | null
  id?: string | null
  parentId?: string | null
  relation?: "fork" | "model_swap" | "new" | "rollover" | null
}

/** A token with the scope "read" changes nothing. Without `expiresAt` it holds until it is revoked. */
export interface CreateToken {
  name: string
  scope?: "read" | "write"
  expiresAt?: string | null
}

/** `model` and `provider` are for a session that has to be made. */
export interface EnsureSession {
  projectId?: string | null
  model?: string | null
  provider?: string | null
}

/** `setup` says that there is no account yet. */
export interface Entrance {
  mode: "local" | "team"
  setup: boolean
  providers: OpenIdProvider[]
}

export interface Event {
  type: "event"
  name: string
  data: Record<string, unknown>
}

/** One bad field: where it stands (`parts[0].text`; empty for the whole) and what is wrong with it. */
export interface Fault {
  field: string
  detail: string
}

/** A reference to stored content: `digest` is its SHA-256 in hex, `size` its bytes. */
export interface File {
  type: "file"
  digest: string
  name: string
  mime: string
  size: number
}

/** The part that a message refers to it with. */
export interface FileAnswer {
  file: File
}

/** Without `leafId` the branch that is shown is copied. */
export interface ForkSession {
  leafId?: string
  title?: string | null
}

export interface Health {
  status: string
}

/** One thing found. `ranges` are (start, end) in characters of `snippet`; a hit in a title has no message. */
export interface Hit {
  sessionId: string
  messageId: string | null
  projectId: string
  title: string
  role: "assistant" | "note" | "system" | "tool" | "user" | null
  snippet: string
  ranges: [number, number][]
  score: number
  createdAt: string
}

export interface ImportAnswer {
  report: ImportReport
}

/** What an import did, or in a dry run would do. Kinds are `session`, `message` and so on. */
export interface ImportReport {
  format: string
  dryRun: boolean
  added: Record<string, number>
  present: Record<string, number>
  skipped: Skipped[]
  mended: Mended[]
  skippedCount: number
  mendedCount: number
  replaced: number
}

/** The turn goes on with `choice`: a person's, or the default where it was stopped before anybody chose. */
export interface InputAnswered {
  type: "input_answered"
  requestId: string
  choice: string
  id: string
}

/** The turn waits until the person has chosen one of `choices`: `Turn.answer(request_id, choice)`. */
export interface InputRequired {
  type: "input_required"
  requestId: string
  kind: "rollover" | "tool"
  text: string
  choices: string[]
  default: string
  call?: ToolCall | null
  id: string
}

/** A link that may be used once, until `expires_at`. */
export interface Invitation {
  id: string
  email: string | null
  administrator: boolean
  projectId: string | null
  projectName: string | null
  role: "editor" | "owner" | "viewer" | null
  accountId: string | null
  invitedBy: string
  createdAt: string
  expiresAt: string
}

export interface InvitationAnswer {
  invitation: Invitation
}

export interface InvitationsAnswer {
  invitations: Invitation[]
}

/** `link` is shown here and never again. Its code stands behind the #, where no server and no log sees it. */
export interface InvitedAnswer {
  invitation: Invitation
  link: string
}

/** One thing of the context in its place. `tokens` is None for what is not sent, and then `reason` says why. */
export interface Line {
  kind: "checkpoint" | "marker" | "message" | "system_prompt"
  role: "assistant" | "note" | "system" | "tool" | "user"
  id: string | null
  position: number | null
  tokens: number | null
  reason: "checkpoint" | "empty" | "excluded" | "note" | "orphan_result" | "strategy" | "streaming" | "truncated" | null
  checkpointId: string | null
  preview: string
}

export interface LookUpInvitation {
  code: string
}

/** `account` is null on a server of one person. */
export interface Me {
  actor: string
  mode: "local" | "team"
  account: Account | null
  scope: "read" | "write"
  version: string
}

/** An account's place in a project. Each project has one owner; a personal project has no other member. */
export interface Member {
  projectId: string
  accountId: string
  email: string
  name: string
  role: "editor" | "owner" | "viewer"
  addedAt: string
}

export interface MemberAnswer {
  member: Member
}

export interface MembersAnswer {
  members: Member[]
}

/** Something in a file that was brought in otherwise than it stands there. */
export interface Mended {
  where: string
  why: string
}

/** One message as stored. `position` counts from 1 in order of commit within the session. */
export interface Message {
  id: string
  sessionId: string
  parentId: string | null
  position: number
  role: "assistant" | "note" | "system" | "tool" | "user"
  parts: (Text | Reasoning | ToolCall | ToolResult | File | Event | Opaque)[]
  status?: "cancelled" | "complete" | "error" | "interrupted" | "streaming"
  error?: string | null
  inContext?: boolean
  model?: string | null
  provider?: string | null
  usage?: Usage | null
  digest?: string | null
  matchKey?: string | null
  createdAt: string
  trashedAt?: string | null
  purgedAt?: string | null
  metadata?: Record<string, unknown>
  origin?: Origin | null
}

export interface MessageAnswer {
  message: ChatMessage
}

/** Oldest first. `nextCursor` goes back in time, passed as `before`; `newerCursor` forward, passed as `after`. */
export interface MessagesAnswer {
  messages: ChatMessage[]
  nextCursor: string | null
  newerCursor: string | null
  siblings?: Record<string, string[]>
}

/** A model a provider has: its context window in tokens, and whether it takes images and tools. */
export interface ModelInfo {
  id: string
  provider: string
  window: number | null
  images: boolean | null
  tools: boolean | null
}

/** `default` is the configured one: "name" or "provider/name". */
export interface ModelsAnswer {
  models: ModelInfo[]
  default: string | null
}

/** null shows nothing: the next message begins a new branch. `toEnd` goes on to the newest message below it. */
export interface MoveHead {
  messageId: string | null
  toEnd?: boolean
}

/** A part of a foreign format without a counterpart here, kept for the way back. */
export interface Opaque {
  type: "opaque"
  source: string
  data: unknown
}

/** Begin at `/api/auth/sso/{name}`. */
export interface OpenIdProvider {
  name: string
  title: string
}

/** Where an imported thing came from: the format's name and the id it had there. */
export interface Origin {
  source: string
  id: string
}

export interface PreferenceAnswer {
  name: string
  value: unknown
}

export interface PreferencesAnswer {
  preferences: Record<string, unknown>
}

/** What went wrong. `code` is stable, `detail` for people; `errors` names every bad field, `retryAfter` is seconds. */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code: string
  errors?: Fault[]
  retryAfter?: number | null
  requestId?: string | null
}

export interface ProjectAnswer {
  project: ChatProject
}

export interface ProjectsAnswer {
  projects: ChatProject[]
  nextCursor: string | null
}

export interface ProviderAnswer {
  provider: ProviderInfo
}

/** A server of models. `configured` and `hasKey` are what `config.toml` says; `error` why it has no models now. */
export interface ProviderInfo {
  name: string
  kind: "anthropic" | "demo" | "ollama" | "openai"
  address: string | null
  configured: boolean
  hasKey: boolean
  models: ModelInfo[]
  error: string | null
}

export interface ProvidersAnswer {
  providers: ProviderInfo[]
}

/** Any JSON; null removes it. */
export interface PutPreference {
  value: unknown
}

export interface Reasoning {
  type: "reasoning"
  text: string
}

export interface ReasoningDelta {
  type: "reasoning_delta"
  text: string
  id: string
}

/** All but the newest messages are sent as one short summary from now on. `snapshot_id` brings back what was before. */
export interface Rollover {
  type: "rollover"
  snapshotId: string
  checkpoint: Checkpoint
  previousTokens: number
  newTokens: number
  id: string
}

export interface RunningAnswer {
  turn: ChatTurn | null
}

/** Best first. `cut` says that a deadline ended the search early. */
export interface SearchAnswer {
  hits: Hit[]
  nextCursor: string | null
  cut: boolean
}

export interface SessionAnswer {
  chatSession: ChatSession
}

/** How many bytes of messages a session holds, without its files. */
export interface SessionSize {
  sessionId: string
  projectId: string
  title: string
  messageCount: number
  size: number
}

export interface SessionsAnswer {
  chatSessions: ChatSession[]
  nextCursor: string | null
}

/** `code` is that of the link in the server's log. */
export interface SetUpBody {
  code: string
  name: string
  email: string
  password: string
}

export interface SiblingsAnswer {
  messages: ChatMessage[]
}

/** A browser that is signed in. `last_used_at` is true to the minute. */
export interface SignIn {
  id: string
  address: string
  userAgent: string
  createdAt: string
  expiresAt: string
  lastUsedAt: string
}

export interface SignInBody {
  email: string
  password: string
}

/** `current` is the id of the one that asks, null where a token does. */
export interface SignInsAnswer {
  signIns: SignIn[]
  current: string | null
}

export interface SizesAnswer {
  sessions: SessionSize[]
}

/** Something in a file that was not brought in: `where` is its place there, `why` the reason. */
export interface Skipped {
  where: string
  why: string
}

/** A named state of a session: its head, its active checkpoints, its settings. Messages are not copied. */
export interface Snapshot {
  id: string
  sessionId: string
  name: string
  purpose: "emergency" | "manual" | "recovery" | "rollback"
  headId: string | null
  checkpointIds: string[]
  settings: Record<string, unknown>
  tokenCount: number
  createdAt: string
}

export interface SnapshotAnswer {
  snapshot: Snapshot
}

export interface SnapshotsAnswer {
  snapshots: Snapshot[]
}

/** A question: `content` where a text suffices, else `parts`; without `parentId` it goes to the head. */
export interface StartTurn {
  content?: string | null
  parts?: (Text | Reasoning | ToolCall | ToolResult | File | Event | Opaque)[] | null
  parentId?: string | null
  model?: string | null
  id?: string | null
  edit?: string | null
  retry?: string | null
}

/** Counts and sizes. Sizes are bytes. */
export interface Stats {
  projects: number
  sessions: number
  messages: number
  tokens: number
  trashedSessions: number
  trashedMessages: number
  files: number
  fileSize: number
  databaseSize: number
  indexSize: number
  schema: number
  location: string
}

export interface StatsAnswer {
  stats: Stats
}

export interface Success {
  success: boolean
}

export interface TakeSnapshot {
  name?: string | null
  purpose?: "emergency" | "manual" | "recovery" | "rollback"
}

/** `error` is null where the server answered. */
export interface TestAnswer {
  models: ModelInfo[]
  error: string | null
}

/** `key` is the secret itself. An empty `address` is the usual one of the kind. */
export interface TestProvider {
  kind?: "anthropic" | "demo" | "ollama" | "openai"
  address?: string
  key?: string | null
}

export interface Text {
  type: "text"
  text: string
}

export interface TextDelta {
  type: "text_delta"
  text: string
  id: string
}

/** At how many tokens something happens: `warning` and `checkpoint` of the messages, the others of the whole. */
export interface Thresholds {
  warning: number
  checkpoint: number
  emergency: number
  rollover: number
}

export interface TitleChanged {
  type: "title_changed"
  sessionId: string
  title: string
  id: string
}

/** `secret` is shown here and never again. */
export interface TokenAnswer {
  token: ApiToken
  secret: string
}

export interface TokensAnswer {
  tokens: ApiToken[]
}

export interface ToolCall {
  type: "tool_call"
  id: string
  name: string
  args: unknown
}

export interface ToolCalled {
  type: "tool_call"
  call: ToolCall
  id: string
}

/** What a tool gave back: `llm_content` for the model, `return_display` for people. */
export interface ToolResult {
  type: "tool_result"
  callId: string
  name: string
  llmContent: unknown
  returnDisplay?: string | null
  isError?: boolean
}

export interface ToolReturned {
  type: "tool_result"
  result: ToolResult
  id: string
}

export interface TurnAnswer {
  turn: ChatTurn
}

export type TurnEvent = TurnStarted | TitleChanged | ContextWarning | CheckpointStarted | CheckpointProgress | CheckpointFinished | Rollover | InputRequired | InputAnswered | TextDelta | ReasoningDelta | ToolCalled | ToolReturned | TurnFinished | TurnFailed

/** No or only a part of an answer came; `message` holds the part. */
export interface TurnFailed {
  type: "turn_failed"
  message: Message
  code: string
  error: string
  retryable?: boolean
  retryAfter?: number | null
  unsaved?: string | null
  id: string
}

/** The answer is there: `message.status` is "complete", or "cancelled" where it was stopped. */
export interface TurnFinished {
  type: "turn_finished"
  message: Message
  finishReason?: string | null
  newSessionId?: string | null
  unsaved?: string | null
  id: string
}

/** The question is recorded and the model is about to be asked. `unsaved` says why it could not be recorded yet. */
export interface TurnStarted {
  type: "turn_started"
  sessionId: string
  turnId: string
  answerId: string
  model: string
  provider: string
  unsaved?: string | null
  id: string
}

export interface UpdateAccount {
  name?: string
  email?: string
  administrator?: boolean
  disabled?: boolean
}

export interface UpdateMe {
  name?: string
  email?: string
}

/** `inContext` false keeps it out of what is sent to the model. */
export interface UpdateMessage {
  inContext?: boolean
}

export interface UpdateProject {
  name?: string
  description?: string
}

/** What is given is changed. `expectedRevision` makes it a conflict where somebody else was faster. */
export interface UpdateSession {
  title?: string
  name?: string
  titleSource?: "default" | "first_message" | "model" | "user"
  model?: string | null
  provider?: string | null
  contextSize?: number | null
  systemPrompt?: string | null
  settings?: Record<string, unknown>
  tags?: string[]
  pinned?: boolean
  archived?: boolean
  metadata?: Record<string, unknown>
  projectId?: string
  expectedRevision?: number | null
}

/** Tokens as the provider reported them; None where it did not. */
export interface Usage {
  inputTokens?: number | null
  outputTokens?: number | null
  cachedTokens?: number | null
  reasoningTokens?: number | null
}

/** A prompt in numbers; all are tokens but `message_count` and `checkpoint_count`. */
export interface Weighed {
  sessionId: string
  model: string | null
  provider: string | null
  window: number
  windowSource: string
  limit: number
  tokens: number
  budget: number
  used: number
  truncated: boolean
  systemPrompt: number
  template: number
  tools: number
  checkpoints: number
  messages: number
  checkpointCount: number
  messageCount: number
  firstMessageId: string | null
  thresholds: Thresholds
}

/** What can be asked of the server: what each operation takes, and what it answers. */
export interface Operations {
  /** How one may sign in here. */
  'GET /api/auth': { answer: Entrance }
  /** Sign in with a password; the answer sets the cookie. */
  'POST /api/auth/login': { body: SignInBody; answer: AccountAnswer }
  /** Sign this browser out. */
  'POST /api/auth/logout': { answer: Success }
  /** Make the first account, an administrator, with the link that a new server writes into its log. */
  'POST /api/auth/setup': { body: SetUpBody; answer: AccountAnswer }
  /** Begin at a provider that `GET /api/auth` names: sends the browser there. */
  'GET /api/auth/sso/{name}': { path: { name: string }; query?: { then?: string; code?: string }; answer: unknown }
  /** Where a provider sends the browser back to: sets the cookie, or leads to the sign-in page with what is wrong. */
  'GET /api/auth/sso/{name}/callback': { path: { name: string }; answer: unknown }
  /** Who asks, in which mode the server runs, and its version. */
  'GET /api/me': { answer: Me }
  /** Change one's own name or e-mail address. */
  'PATCH /api/me': { body?: UpdateMe; answer: AccountAnswer }
  /** Change one's password; all other browsers are signed out. */
  'POST /api/me/password': { body: ChangePassword; answer: Success }
  /** One's tokens, newest first, without their secrets. */
  'GET /api/tokens': { answer: TokensAnswer }
  /** Make a token for a program. */
  'POST /api/tokens': { body: CreateToken; answer: TokenAnswer }
  /** Revoke a token at once. */
  'DELETE /api/tokens/{tokenId}': { path: { tokenId: string }; answer: Success }
  /** The browsers one is signed in with, last used first. */
  'GET /api/sign-ins': { answer: SignInsAnswer }
  /** Sign a browser out. */
  'DELETE /api/sign-ins/{signInId}': { path: { signInId: string }; answer: Success }
  /** All accounts, by e-mail address. */
  'GET /api/accounts': { query?: { cursor?: string; limit?: number }; answer: AccountsAnswer }
  /** Change somebody's account; a disabled one is signed out at once and its tokens end. */
  'PATCH /api/accounts/{accountId}': { path: { accountId: string }; body?: UpdateAccount; answer: AccountAnswer }
  /** Open invitations, newest first: a project's for its owner, else one's own, and all for administrators. */
  'GET /api/invitations': { query?: { projectId?: string }; answer: InvitationsAnswer }
  /** Invite somebody to the server (administrators) or to a project (its owner). */
  'POST /api/invitations': { body?: CreateInvitation; answer: InvitedAnswer }
  /** Revoke an invitation; its link opens nothing any more. */
  'DELETE /api/invitations/{invitationId}': { path: { invitationId: string }; answer: Success }
  /** What a link is for. */
  'POST /api/invitations/lookup': { body: LookUpInvitation; answer: InvitationAnswer }
  /** Make the account the link is for and sign in; or take it up with the account one has. */
  'POST /api/invitations/accept': { body: AcceptInvitation; answer: AccountAnswer }
  /** The projects one can see, by name. */
  'GET /api/projects': { query?: { cursor?: string; limit?: number; trashed?: boolean }; answer: ProjectsAnswer }
  /** Make a project of one's own. */
  'POST /api/projects': { body: CreateProject; answer: ProjectAnswer }
  /** One project. */
  'GET /api/projects/{projectId}': { path: { projectId: string }; answer: ProjectAnswer }
  /** Change its name or its description. */
  'PATCH /api/projects/{projectId}': { path: { projectId: string }; body?: UpdateProject; answer: ProjectAnswer }
  /** Put it into the trash with its sessions, or remove all of it for good. */
  'DELETE /api/projects/{projectId}': { path: { projectId: string }; query?: { purge?: boolean }; answer: Success }
  /** Bring it back from the trash, with the sessions that went in with it. */
  'POST /api/projects/{projectId}/untrash': { path: { projectId: string }; answer: ProjectAnswer }
  /** The owner first, then by name. */
  'GET /api/projects/{projectId}/members': { path: { projectId: string }; answer: MembersAnswer }
  /** Make somebody a member, or invite them where their address has no account yet. */
  'POST /api/projects/{projectId}/members': { path: { projectId: string }; body: AddMember; answer: AddedAnswer }
  /** Change a member's role. */
  'PATCH /api/projects/{projectId}/members/{accountId}': {
    path: { projectId: string; accountId: string }
    body: ChangeMember
    answer: MemberAnswer
  }
  /** Take somebody out of the project, or leave it oneself. */
  'DELETE /api/projects/{projectId}/members/{accountId}': {
    path: { projectId: string; accountId: string }
    answer: Success
  }
  /** Sessions, newest content first; with `include=messages` each with those of its branch. */
  'GET /api/chat-sessions': {
    query?: { cursor?: string; limit?: number; projectId?: string; state?: "any" | "archived" | "open" | "trash"; tag?: string[]; pinned?: boolean; model?: string; provider?: string; before?: string; after?: string; empty?: boolean; include?: "messages" }
    answer: SessionsAnswer
  }
  /** Begin a session, in one's personal project where none is named. */
  'POST /api/chat-sessions': { body?: CreateSession; answer: SessionAnswer }
  /** The project's most recent session, else a fresh one. Many who ask at once get the same. */
  'POST /api/chat-sessions/ensure': { body?: EnsureSession; answer: SessionAnswer }
  /** One session with the messages of its branch, oldest first. */
  'GET /api/chat-sessions/{sessionId}': {
    path: { sessionId: string }
    query?: { messages?: boolean }
    answer: SessionAnswer
  }
  /** Change what is given; a title typed by a person stays. */
  'PATCH /api/chat-sessions/{sessionId}': { path: { sessionId: string }; body?: UpdateSession; answer: SessionAnswer }
  /** Put it into the trash, or remove it and its messages for good, which needs the role owner. */
  'DELETE /api/chat-sessions/{sessionId}': { path: { sessionId: string }; query?: { purge?: boolean }; answer: Success }
  /** Bring it back from the trash. */
  'POST /api/chat-sessions/{sessionId}/untrash': { path: { sessionId: string }; answer: SessionAnswer }
  /** A new session that begins as a copy of a branch. */
  'POST /api/chat-sessions/{sessionId}/fork': { path: { sessionId: string }; body?: ForkSession; answer: SessionAnswer }
  /** Begin again in the same session: the old branch stays, and a snapshot brings it back. */
  'POST /api/chat-sessions/{sessionId}/clear': { path: { sessionId: string }; answer: SessionAnswer }
  /** Show the branch that ends in this message. */
  'POST /api/chat-sessions/{sessionId}/head': { path: { sessionId: string }; body: MoveHead; answer: SessionAnswer }
  /** A part of a branch, oldest first. */
  'GET /api/chat-messages': {
    query: { chatSessionId: string; leafId?: string; before?: string; after?: string; around?: string; limit?: number; include?: "siblings" }
    answer: MessagesAnswer
  }
  /** Record a message. It is on the disk when this answers; with an `id` it may be repeated after a doubt. */
  'POST /api/chat-messages': { body: CreateMessage; answer: MessageAnswer }
  /** One message; of an answer that still streams what has come so far. */
  'GET /api/chat-messages/{messageId}': { path: { messageId: string }; answer: MessageAnswer }
  /** Exclude it from what is sent to the model, or take it in again. */
  'PATCH /api/chat-messages/{messageId}': { path: { messageId: string }; body?: UpdateMessage; answer: MessageAnswer }
  /** Put it into the trash, or remove its content for good, which needs the role owner. */
  'DELETE /api/chat-messages/{messageId}': { path: { messageId: string }; query?: { purge?: boolean }; answer: Success }
  /** Bring it back from the trash. */
  'POST /api/chat-messages/{messageId}/untrash': { path: { messageId: string }; answer: MessageAnswer }
  /** The message and those beside it below the same parent: other wordings of a question, other answers. */
  'GET /api/chat-messages/{messageId}/siblings': { path: { messageId: string }; answer: SiblingsAnswer }
  /** What runs in the session now, in whichever process, and what it asks a person; null where nothing does. */
  'GET /api/chat-sessions/{sessionId}/turns': { path: { sessionId: string }; answer: RunningAnswer }
  /** Ask, and have it answered. The turn goes on whether its events are read or not. */
  'POST /api/chat-sessions/{sessionId}/turns': { path: { sessionId: string }; body?: StartTurn; answer: TurnAnswer }
  /** The events of a turn, running or ended, as server-sent events: `turn_started`, `text_delta`, `reasoning_delta`, `tool_call`, `tool_result`, `input_required` and others, at the end `turn_finished` or `turn_failed`. */
  'GET /api/chat-sessions/{sessionId}/turns/{turnId}/events': {
    path: { sessionId: string; turnId: string }
    query?: { after?: string }
    answer: unknown
  }
  /** Choose what `input_required` waits for, in whichever process it does. */
  'POST /api/chat-sessions/{sessionId}/turns/{turnId}/answers': {
    path: { sessionId: string; turnId: string }
    body: AnswerTurn
    answer: Success
  }
  /** Stop it, whichever process runs it; what came is kept. One that has ended stays as it is. */
  'DELETE /api/chat-sessions/{sessionId}/turns/{turnId}': { path: { sessionId: string; turnId: string }; answer: Success }
  /** Summarise older messages now, so that they take less of the window. Its events are read as those of a turn, and end with `checkpoint_finished`. */
  'POST /api/chat-sessions/{sessionId}/compact': { path: { sessionId: string }; answer: TurnAnswer }
  /** What is committed by anybody, as server-sent events `change`, from now on or behind a mark; none is missed. */
  'GET /api/changes': { query?: { after?: string }; answer: unknown }
  /** By number. */
  'GET /api/chat-sessions/{sessionId}/checkpoints': {
    path: { sessionId: string }
    query?: { active?: boolean; leafId?: string }
    answer: CheckpointsAnswer
  }
  /** Let a summary stand for a stretch of a branch in what is sent; the messages stay. */
  'POST /api/chat-sessions/{sessionId}/checkpoints': {
    path: { sessionId: string }
    body: AddCheckpoint
    answer: CheckpointAnswer
  }
  /** Take a checkpoint out of use; what it replaced is in use again. */
  'DELETE /api/chat-sessions/{sessionId}/checkpoints/{checkpointId}': {
    path: { sessionId: string; checkpointId: string }
    answer: CheckpointAnswer
  }
  /** Newest first. */
  'GET /api/chat-sessions/{sessionId}/snapshots': { path: { sessionId: string }; answer: SnapshotsAnswer }
  /** Keep the shown branch, the checkpoints in use and the settings as they are now. */
  'POST /api/chat-sessions/{sessionId}/snapshots': {
    path: { sessionId: string }
    body?: TakeSnapshot
    answer: SnapshotAnswer
  }
  /** Go back to it; nothing that came later is deleted. */
  'POST /api/chat-sessions/{sessionId}/snapshots/{snapshotId}/restore': {
    path: { sessionId: string; snapshotId: string }
    answer: SessionAnswer
  }
  /** Delete the snapshot; the messages stay. */
  'DELETE /api/chat-sessions/{sessionId}/snapshots/{snapshotId}': {
    path: { sessionId: string; snapshotId: string }
    answer: Success
  }
  /** What would be sent to the session's model, token by message, and what is left out. */
  'GET /api/chat-sessions/{sessionId}/context': {
    path: { sessionId: string }
    query?: { limit?: number; before?: string }
    answer: ContextAnswer
  }
  /** Full text over titles, messages, reasoning and tools. */
  'GET /api/search': {
    query?: { q?: string; projectId?: string; sessionId?: string; role?: "assistant" | "note" | "system" | "tool" | "user"; model?: string; provider?: string; tag?: string[]; before?: string; after?: string; has?: ("file" | "tool")[]; state?: "any" | "archived" | "open" | "trash"; branch?: "all" | "shown"; cursor?: string; limit?: number }
    answer: SearchAnswer
  }
  /** Counts and sizes of what one can see; where the database lies, administrators alone are told. */
  'GET /api/stats': { answer: StatsAnswer }
  /** What takes how much, largest first. */
  'GET /api/stats/sessions': { query?: { limit?: number }; answer: SizesAnswer }
  /** The models of every server that answers now. */
  'GET /api/models': { answer: ModelsAnswer }
  /** The servers that are configured or were found, each asked for its models. */
  'GET /api/providers': { answer: ProvidersAnswer }
  /** Write a server into `config.toml`, in place of one of the same name, and ask it for its models. */
  'POST /api/providers': { body: AddProvider; answer: ProviderAnswer }
  /** Ask a server for its models, and write nothing. */
  'POST /api/providers/test': { body?: TestProvider; answer: TestAnswer }
  /** Take a server out of `config.toml`, and its key out of `credentials.toml` where no other one uses it. */
  'DELETE /api/providers/{name}': { path: { name: string }; answer: Success }
  /** Store a file. The body is its content, the header Content-Type its kind. It is kept once a message refers to it. */
  'POST /api/files': { query: { name: string }; body?: Blob; answer: FileAnswer }
  /** A file's content, or with `Range` a part of it. It never changes, so that a browser may keep it. */
  'GET /api/files/{digest}': { path: { digest: string }; query?: { name?: string }; answer: unknown }
  /** Bring in a file of conversations: the body is the file. Importing it again changes nothing. */
  'POST /api/import': {
    query?: { format?: "enteract" | "markdown" | "ollm" | "ollm-snapshot" | "openai" | "palaver"; projectId?: string; dryRun?: boolean }
    body?: Blob
    answer: ImportAnswer
  }
  /** Take conversations out as a file, sent while it is written. The format "palaver" loses nothing. */
  'GET /api/export': {
    query?: { format?: "enteract" | "html" | "markdown" | "ollm" | "openai" | "palaver"; chatSessionId?: string[]; projectId?: string; trash?: boolean }
    answer: unknown
  }
  /** One's values whose names begin so. */
  'GET /api/preferences': { query?: { prefix?: string }; answer: PreferencesAnswer }
  /** Keep a value under this name, in place of the one before. */
  'PUT /api/preferences/{name}': { path: { name: string }; body: PutPreference; answer: PreferenceAnswer }
  /** Whether the process answers at all. */
  'GET /health/live': { answer: Health }
  /** Whether it can work: its database answers, and it is not about to end. */
  'GET /health/ready': { answer: Health }
  /** This description of everything, as OpenAPI 3.1. */
  'GET /api/openapi.json': { answer: unknown }
}

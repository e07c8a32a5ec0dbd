import { addressOf } from '../api/client'
import type { Session } from '../api/types'
import type { Page } from '../state/page.svelte'
import type { Entries, Entry } from '../ui/menu'

export const FORMATS: [format: string, label: string][] = [
  ['palaver', 'Palaver (everything)'],
  ['markdown', 'Markdown'],
  ['html', 'HTML page'],
  ['openai', 'OpenAI (fine-tuning)'],
  ['ollm', 'OLLM'],
  ['enteract', 'Enteract'],
]

/** What one may do with sessions: the lines of the menu of one of them, or of all that are selected. */
export function actionsFor(page: Page, sessions: Session[], rename?: () => void): Entries {
  const one = sessions.length === 1 ? sessions[0]! : null
  if (!sessions.length) return []
  if (sessions.every((session) => session.trashedAt)) return trashedActions(page, sessions)
  return [
    ...(one && rename ? [{ label: 'Rename', icon: 'pencil', keys: 'F2', run: rename } satisfies Entry] : []),
    pinAction(page, sessions),
    { label: 'Tags…', icon: 'tag', run: () => (page.over = { kind: 'tags', sessions }) },
    moveAction(page, sessions),
    archiveAction(page, sessions),
    ...(one ? [{ label: 'Fork', icon: 'branch', run: () => void forkAndGo(page, one) } satisfies Entry] : []),
    exportAction(sessions),
    null,
    { label: 'Delete', icon: 'trash', keys: 'Del', danger: true, run: () => void trashAndLeave(page, sessions) },
  ]
}

function trashedActions(page: Page, sessions: Session[]): Entries {
  return [
    { label: 'Restore', icon: 'restore', run: () => void page.sessions.untrash(sessions) },
    exportAction(sessions),
    null,
    { label: 'Delete for good…', icon: 'trash', danger: true, run: () => (page.over = { kind: 'purge', sessions }) },
  ]
}

function pinAction(page: Page, sessions: Session[]): Entry {
  const pinned = sessions.every((session) => session.pinned)
  const run = () => void page.sessions.changeAll(sessions, () => ({ pinned: !pinned }), said(sessions, pinned ? 'unpinned' : 'pinned'), ({ pinned }) => ({ pinned }))
  return { label: pinned ? 'Unpin' : 'Pin', icon: 'pin', run }
}

function archiveAction(page: Page, sessions: Session[]): Entry {
  const archived = sessions.every((session) => session.archivedAt)
  const run = () =>
    void page.sessions.changeAll(sessions, () => ({ archived: !archived }), said(sessions, archived ? 'out of the archive' : 'archived'), () => ({ archived }))
  return { label: archived ? 'Take out of the archive' : 'Archive', icon: 'archive', run }
}

function moveAction(page: Page, sessions: Session[]): Entry {
  const here = sessions.every((session) => session.projectId === sessions[0]!.projectId) ? sessions[0]!.projectId : null
  const before = new Map(sessions.map((session) => [session.id, session.projectId]))
  const items = page.projects.all
    .filter((project) => project.role !== 'viewer')
    .map((project) => ({
      label: project.name,
      checked: project.id === here,
      disabled: project.id === here,
      run: () =>
        void page.sessions.changeAll(sessions, () => ({ projectId: project.id }), said(sessions, `moved to ${project.name}`), (session) => ({
          projectId: before.get(session.id)!,
        })),
    }))
  return { label: 'Move to', icon: 'folder', items: [...items, { label: 'New project…', icon: 'plus', run: () => (page.over = { kind: 'project', sessions }) }] }
}

function exportAction(sessions: Session[]): Entry {
  const several = sessions.length > 1
  const items = FORMATS.filter(([format]) => !(several && format === 'ollm')).map(([format, label]) => ({
    label,
    run: () => download(addressOf('/api/export', {}, { format, chatSessionId: sessions.map((session) => session.id) })),
  }))
  return { label: 'Export as', icon: 'download', items }
}

export function download(address: string): void {
  const link = document.createElement('a')
  link.href = address
  link.download = ''
  link.click()
}

export async function forkAndGo(page: Page, session: Session, leafId?: string): Promise<void> {
  const fork = await page.sessions.fork(session, leafId)
  if (fork) page.router.go(`/c/${fork.id}`)
}

/** Leaves a session that is about to be gone from the screen. */
export async function trashAndLeave(page: Page, sessions: Session[]): Promise<void> {
  page.sessions.selected.clear()
  if (sessions.some((session) => session.id === page.router.sessionId)) page.router.go('/')
  await page.sessions.trash(sessions)
}

function said(sessions: Session[], what: string): string {
  return sessions.length === 1 ? `“${sessions[0]!.title}” is ${what}.` : `${sessions.length} chats are ${what}.`
}

import { actionsFor } from '../list/actions'
import type { Conversation } from '../state/conversation.svelte'
import type { Page } from '../state/page.svelte'
import type { IconName } from '../ui/Icon.svelte'
import type { Entry } from '../ui/menu'

export interface Command {
  label: string
  icon: IconName
  keys?: string | undefined
  run: () => void
}

/** Everything that can be done from where one is, by name. */
export function commandsOf(page: Page, conversation: Conversation | null): Command[] {
  return [
    { label: 'New chat', icon: 'plus', keys: 'Ctrl+Shift+O', run: () => page.router.go('/') },
    ...chatCommands(page, conversation),
    { label: 'Choose the model', icon: 'person', keys: 'Ctrl+Shift+M', run: () => (page.over = { kind: 'model' }) },
    { label: 'Show or hide the list', icon: 'list', keys: 'Ctrl+Shift+S', run: () => page.appearance.toggleList() },
    { label: 'New project', icon: 'folder', run: () => (page.over = { kind: 'project' }) },
    { label: 'Trash', icon: 'trash', run: () => showList(page, 'trash') },
    { label: 'Archive', icon: 'archive', run: () => showList(page, 'archived') },
    { label: 'All chats', icon: 'list', run: () => page.sessions.show({}) },
    { label: 'Import chats', icon: 'upload', run: () => page.router.go('/import') },
    { label: 'Settings', icon: 'gear', run: () => page.router.go('/settings') },
    { label: 'Models and providers', icon: 'gear', run: () => page.router.go('/settings/models') },
    { label: 'Storage: what takes how much', icon: 'gear', run: () => page.router.go('/settings/storage') },
    { label: 'Light theme', icon: 'gear', run: () => page.appearance.setTheme('light') },
    { label: 'Dark theme', icon: 'gear', run: () => page.appearance.setTheme('dark') },
    { label: 'Theme of the system', icon: 'gear', run: () => page.appearance.setTheme('system') },
    { label: 'Keys', icon: 'help', keys: '?', run: () => (page.over = { kind: 'keys' }) },
  ]
}

function chatCommands(page: Page, conversation: Conversation | null): Command[] {
  const session = conversation?.session
  if (!session) return []
  const about: Entry[] = actionsFor(page, [session]).filter((one) => one !== null)
  return [
    { label: 'System prompt and settings of this chat', icon: 'gear', run: () => (page.over = { kind: 'session', session }) },
    { label: 'Context of this chat', icon: 'filter', run: () => (page.over = { kind: 'context' }) },
    ...about.flatMap((one): Command[] =>
      one.items
        ? one.items.map((item) => ({ label: `${one.label} ${item.label}`, icon: one.icon!, run: () => item.run?.() }))
        : [{ label: `${one.label.replace('…', '')} this chat`, icon: one.icon!, run: () => one.run?.() }],
    ),
  ]
}

function showList(page: Page, state: 'trash' | 'archived'): void {
  page.sessions.show({ ...page.sessions.filter, state })
  if (!page.appearance.list && !page.appearance.sheet) page.appearance.toggleList()
}

/** Those whose label has every word that was typed, somewhere. */
export function fitting<T extends { label: string }>(all: T[], typed: string): T[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  return all.filter((one) => words.every((word) => one.label.toLowerCase().includes(word)))
}

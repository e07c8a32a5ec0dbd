import type { Page } from './state/page.svelte'

/** Every shortcut of the page, as the help shows them. `Ctrl` is ⌘ on a Mac. */
export const KEYS: [keys: string, what: string][] = [
  ['Ctrl+K', 'Search, and every command'],
  ['Ctrl+Shift+O', 'New chat'],
  ['Ctrl+Shift+S', 'Show or hide the list'],
  ['Shift+Esc', 'To the message box'],
  ['Enter', 'Send'],
  ['Shift+Enter', 'New line'],
  ['Esc', 'Stop the answer'],
  ['↑ in the empty box', 'Edit your last question'],
  ['Ctrl+Shift+;', 'Copy the last code'],
  ['Ctrl+Shift+M', 'Choose the model'],
  ['↑ ↓ in the list', 'Go from chat to chat'],
  ['F2 in the list', 'Rename'],
  ['Space in the list', 'Select'],
  ['Del in the list', 'Delete, with a way back'],
  ['← → on “2 / 3”', 'Show another branch'],
  ['?', 'This help'],
]

export function onkeydown(page: Page, event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || page.state !== 'ready') return
  const control = event.ctrlKey || event.metaKey
  const run = control ? withControl(page, event) : plain(page, event)
  if (!run) return
  event.preventDefault()
  run()
}

function withControl(page: Page, event: KeyboardEvent): (() => void) | undefined {
  if (event.altKey) return undefined
  const keys: Record<string, () => void> = event.shiftKey
    ? {
        KeyO: () => page.router.go('/'),
        KeyS: () => page.appearance.toggleList(),
        KeyM: () => (page.over = { kind: 'model' }),
        Semicolon: () => copyLastCode(page),
      }
    : { KeyK: () => (page.over = { kind: 'search' }) }
  return keys[event.code]
}

function plain(page: Page, event: KeyboardEvent): (() => void) | undefined {
  const typing = (event.target as Element).closest('input, textarea, select, [contenteditable]')
  if (event.key === 'Escape' && event.shiftKey) return () => document.querySelector<HTMLElement>('[data-composer]')?.focus()
  if (event.key === 'Escape' && !page.over) return escape(page)
  if (event.key === '?' && !typing) return () => (page.over = { kind: 'keys' })
  return undefined
}

function escape(page: Page): (() => void) | undefined {
  if (page.appearance.sheet) return () => (page.appearance.sheet = false)
  if (page.sessions.selected.size) return () => page.sessions.selected.clear()
  const turn = page.router.sessionId ? page.conversation(page.router.sessionId).turn : null
  if (turn && !turn.ended) return () => void turn.stop().catch((error: unknown) => page.say(error))
  return undefined
}

function copyLastCode(page: Page): void {
  const code = Array.from(document.querySelectorAll('.markdown pre > code')).at(-1)?.textContent
  if (!code) return
  void navigator.clipboard.writeText(code).then(() => page.notices.done('The last code is copied.'))
}

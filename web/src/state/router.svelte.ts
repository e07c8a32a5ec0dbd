/** Where in the page one is. Addresses are those people may keep: `/c/{session}#{message}`, `/search?q=…`, `/settings/…`. */
export class Router {
  path = $state(location.pathname)
  query = $state.raw(new URLSearchParams(location.search))
  /** What stands behind the `#`: the message to open at. */
  anchor = $state(location.hash.slice(1))
  /** Counts up with each move, so that going to where one is already is noticed. */
  moves = $state(0)

  constructor() {
    addEventListener('popstate', () => this.read())
  }

  get sessionId(): string | null {
    return /^\/c\/([\w-]+)$/.exec(this.path)?.[1] ?? null
  }

  /** The part of the address that says which screen it is: "", "c", "search", "settings", "trash", … */
  get screen(): string {
    return this.path.split('/')[1] ?? ''
  }

  go(to: string, { replace = false } = {}): void {
    if (replace) history.replaceState(null, '', to)
    else if (to !== location.pathname + location.search + location.hash) history.pushState(null, '', to)
    this.read()
  }

  private read(): void {
    this.path = location.pathname
    this.query = new URLSearchParams(location.search)
    this.anchor = location.hash.slice(1)
    this.moves++
  }
}

/** Lets plain links change the screen without loading the page again; a modifier key opens them as browsers do. */
export function followLinks(router: Router): void {
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element).closest?.('a[href]')
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return
    if (link.origin !== location.origin || link.pathname.startsWith('/api/')) return
    event.preventDefault()
    router.go(link.pathname + link.search + link.hash)
  })
}

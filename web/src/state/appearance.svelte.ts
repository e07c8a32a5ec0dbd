export type Theme = 'system' | 'light' | 'dark'

const THEME = 'palaver.theme'
const LIST = 'palaver.list'

/** How the page looks in this browser. `public/theme.js` applies the theme, before anything is drawn. */
export class Appearance {
  theme = $state<Theme>((read(THEME) as Theme | null) ?? 'system')
  /** Whether the list stands beside the conversation, where there is room for both. */
  list = $state(read(LIST) !== 'hidden')
  /** Whether it lies over the conversation, where there is not. */
  sheet = $state(false)

  setTheme(theme: Theme): void {
    this.theme = theme
    write(THEME, theme)
    dispatchEvent(new Event('palaver-theme'))
  }

  toggleList(): void {
    if (matchMedia('(max-width: 767px)').matches) this.sheet = !this.sheet
    else {
      this.list = !this.list
      write(LIST, this.list ? 'shown' : 'hidden')
    }
  }
}

function read(name: string): string | null {
  try {
    return localStorage.getItem(name)
  } catch {
    return null
  }
}

function write(name: string, value: string): void {
  try {
    localStorage.setItem(name, value)
  } catch {
    // It holds for this window.
  }
}

// Before anything is drawn, so that a dark page never flashes white. The page itself changes the theme later.
;(() => {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const apply = () => {
    let chosen = 'system'
    try {
      chosen = localStorage.getItem('palaver.theme') || 'system'
    } catch {
      // the system's
    }
    document.documentElement.dataset.theme = chosen === 'system' ? (dark.matches ? 'dark' : 'light') : chosen
  }
  apply()
  dark.addEventListener('change', apply)
  addEventListener('palaver-theme', apply)
})()

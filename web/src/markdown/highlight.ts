import type { LanguageFn } from 'highlight.js'

/** The languages that are coloured, each read when it is first met. */
const LANGUAGES: Record<string, () => Promise<{ default: LanguageFn }>> = {
  bash: () => import('highlight.js/lib/languages/bash'),
  c: () => import('highlight.js/lib/languages/c'),
  cpp: () => import('highlight.js/lib/languages/cpp'),
  csharp: () => import('highlight.js/lib/languages/csharp'),
  css: () => import('highlight.js/lib/languages/css'),
  diff: () => import('highlight.js/lib/languages/diff'),
  dockerfile: () => import('highlight.js/lib/languages/dockerfile'),
  elixir: () => import('highlight.js/lib/languages/elixir'),
  go: () => import('highlight.js/lib/languages/go'),
  haskell: () => import('highlight.js/lib/languages/haskell'),
  ini: () => import('highlight.js/lib/languages/ini'),
  java: () => import('highlight.js/lib/languages/java'),
  javascript: () => import('highlight.js/lib/languages/javascript'),
  json: () => import('highlight.js/lib/languages/json'),
  kotlin: () => import('highlight.js/lib/languages/kotlin'),
  latex: () => import('highlight.js/lib/languages/latex'),
  lua: () => import('highlight.js/lib/languages/lua'),
  makefile: () => import('highlight.js/lib/languages/makefile'),
  markdown: () => import('highlight.js/lib/languages/markdown'),
  nix: () => import('highlight.js/lib/languages/nix'),
  perl: () => import('highlight.js/lib/languages/perl'),
  php: () => import('highlight.js/lib/languages/php'),
  powershell: () => import('highlight.js/lib/languages/powershell'),
  python: () => import('highlight.js/lib/languages/python'),
  r: () => import('highlight.js/lib/languages/r'),
  ruby: () => import('highlight.js/lib/languages/ruby'),
  rust: () => import('highlight.js/lib/languages/rust'),
  scala: () => import('highlight.js/lib/languages/scala'),
  sql: () => import('highlight.js/lib/languages/sql'),
  swift: () => import('highlight.js/lib/languages/swift'),
  typescript: () => import('highlight.js/lib/languages/typescript'),
  xml: () => import('highlight.js/lib/languages/xml'),
  yaml: () => import('highlight.js/lib/languages/yaml'),
}

const OTHER_NAMES: Record<string, string> = {
  'c#': 'csharp', 'c++': 'cpp', cc: 'cpp', cjs: 'javascript', console: 'bash', cs: 'csharp', docker: 'dockerfile', ex: 'elixir',
  golang: 'go', h: 'c', hpp: 'cpp', hs: 'haskell', html: 'xml', js: 'javascript', jsonc: 'json', jsx: 'javascript', kt: 'kotlin',
  make: 'makefile', md: 'markdown', mjs: 'javascript', patch: 'diff', pl: 'perl', ps1: 'powershell', py: 'python', py3: 'python',
  rb: 'ruby', rs: 'rust', sh: 'bash', shell: 'bash', svelte: 'xml', svg: 'xml', tex: 'latex', toml: 'ini', ts: 'typescript',
  tsx: 'typescript', vue: 'xml', yml: 'yaml', zsh: 'bash',
}

/** Longer code stays plain: colouring it would hold the page up. Characters. */
const LONGEST = 60_000

export async function highlight(code: HTMLElement): Promise<void> {
  const named = code.parentElement?.dataset['language']?.toLowerCase() ?? ''
  const language = OTHER_NAMES[named] ?? named
  const load = Object.hasOwn(LANGUAGES, language) ? LANGUAGES[language] : undefined
  const text = code.textContent ?? ''
  if (!load || code.classList.contains('drawn') || text.length > LONGEST) return
  const [{ default: engine }, { default: grammar }] = await Promise.all([import('highlight.js/lib/core'), load()])
  if (!engine.getLanguage(language)) engine.registerLanguage(language, grammar)
  if (!code.isConnected || code.textContent !== text) return
  // Its answer is the code, escaped, in spans.
  code.innerHTML = engine.highlight(text, { language, ignoreIllegals: true }).value
  code.classList.add('drawn')
}

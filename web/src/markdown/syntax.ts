import { Marked, type Token, type TokenizerAndRendererExtension, type Tokens } from 'marked'

export type { Token } from 'marked'

/** Tags that a message may use as such; any other is shown as the text it is. */
const TAGS = new Set(['b', 'br', 'em', 'i', 'kbd', 'mark', 's', 'small', 'strong', 'sub', 'sup', 'u', 'details', 'summary'])

const displayMath: TokenizerAndRendererExtension = {
  name: 'displayMath',
  level: 'block',
  start: (text) => text.match(/^ {0,3}(\$\$|\\\[)/m)?.index,
  tokenizer(text) {
    const found = /^ {0,3}(?:\$\$([^]+?)\$\$|\\\[([^]+?)\\\])(?:[ \t]*(?:\n+|$))/.exec(text)
    return found ? { type: 'displayMath', raw: found[0], text: (found[1] ?? found[2])!.trim() } : undefined
  },
  renderer: (token) => `<div class="math" data-display="true">${escape(token['text'] as string)}</div>`,
}

const inlineMath: TokenizerAndRendererExtension = {
  name: 'inlineMath',
  level: 'inline',
  start: (text) => text.match(/\$|\\\(|\\\[/)?.index,
  tokenizer(text) {
    // As Pandoc has it: no blank inside the signs, no digit behind them, so that prices stay prices.
    const found =
      /^\$\$([^$\n]+?)\$\$/.exec(text) ??
      /^\$(?![\s$])((?:\\.|[^$\n\\])*?[^\s\\$])\$(?!\d)/.exec(text) ??
      /^\\\(([^]+?)\\\)/.exec(text) ??
      /^\\\[([^]+?)\\\]/.exec(text)
    return found ? { type: 'inlineMath', raw: found[0], text: found[1]!.trim() } : undefined
  },
  renderer: (token) => `<span class="math">${escape(token['text'] as string)}</span>`,
}

const marked = new Marked({
  gfm: true,
  extensions: [displayMath, inlineMath],
  renderer: {
    html({ text }: Tokens.HTML | Tokens.Tag) {
      return text.replace(/<\/?([a-zA-Z][\w-]*)[^>]*>|<|>|&(?!#?\w+;)/g, (all, tag: string | undefined) => {
        if (tag && TAGS.has(tag.toLowerCase())) return `${all.startsWith('</') ? '</' : '<'}${tag.toLowerCase()}>`
        return escape(all)
      })
    },
    code({ text, lang }: Tokens.Code) {
      const language = (lang ?? '').trim().split(/[\s{,:]/)[0]!
      return `<pre data-language="${escape(language)}"><code>${escape(text)}</code></pre>\n`
    },
    checkbox({ checked }: Tokens.Checkbox) {
      return `<span class="task" role="img" aria-label="${checked ? 'done' : 'to do'}">${checked ? '☑' : '☐'}</span> `
    },
    // Loading a picture from elsewhere would tell its server who reads this: a link leaves that to the reader.
    image({ href, text }: Tokens.Image) {
      return `<a href="${escape(href)}">${escape(text || href)}</a>`
    },
  },
})

export function lexer(text: string): Token[] {
  return marked.lexer(text)
}

export function html(token: Token): string {
  return marked.parser([token as Tokens.Generic])
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

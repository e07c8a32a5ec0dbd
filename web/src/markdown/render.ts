import DOMPurify, { type Config } from 'dompurify'
import { highlight } from './highlight'
import { typeset } from './math'
import { patch } from './patch'
import { html, type Token } from './syntax'

const ALLOWED: Config & { RETURN_DOM_FRAGMENT: true } = {
  ALLOWED_TAGS: [
    'a', 'b', 'blockquote', 'br', 'code', 'del', 'details', 'div', 'em', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i', 'kbd',
    'li', 'mark', 'ol', 'p', 'pre', 's', 'small', 'span', 'strong', 'sub', 'summary', 'sup', 'table', 'tbody', 'td', 'th',
    'thead', 'tr', 'u', 'ul',
  ],
  ALLOWED_ATTR: ['href', 'title', 'align', 'start', 'class', 'role', 'aria-label', 'data-language', 'data-display'],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto|tel):/i,
  // Their values are no addresses, which alone the pattern is for.
  ADD_URI_SAFE_ATTR: ['align', 'start'],
  RETURN_DOM_FRAGMENT: true,
}

/** Draws a block into `target`, changing only what is not there yet. `settled`: no more is to come of it. */
export function draw(target: HTMLElement, token: Token, settled: boolean): void {
  const made = DOMPurify.sanitize(html(token), ALLOWED)
  for (const link of made.querySelectorAll('a')) dressLink(link)
  for (const table of made.querySelectorAll('table')) wrap(table, 'table')
  for (const code of made.querySelectorAll('pre')) dressCode(code)
  patch(target, made)
  if (!settled) return
  for (const code of target.querySelectorAll<HTMLElement>('pre > code')) void highlight(code)
  for (const formula of target.querySelectorAll<HTMLElement>('.math')) void typeset(formula)
}

function dressLink(link: HTMLAnchorElement): void {
  if (!link.getAttribute('href')) return
  link.target = '_blank'
  link.rel = 'noopener noreferrer nofollow'
}

/** What is wider than the column scrolls by itself, by keys as well. */
function wrap(inner: HTMLElement, kind: string): void {
  const outer = document.createElement('div')
  outer.className = `${kind}-scroll`
  outer.tabIndex = 0
  outer.setAttribute('role', 'region')
  outer.setAttribute('aria-label', 'Table')
  inner.replaceWith(outer)
  outer.append(inner)
}

function dressCode(code: HTMLElement): void {
  const language = code.dataset['language'] ?? ''
  const figure = document.createElement('div')
  figure.className = 'code'
  const head = document.createElement('div')
  head.className = 'code-head'
  const label = document.createElement('span')
  label.textContent = language || 'text'
  const copy = document.createElement('button')
  copy.type = 'button'
  copy.className = 'code-copy'
  copy.textContent = 'Copy'
  copy.setAttribute('aria-label', language ? `Copy ${language}` : 'Copy code')
  head.append(label, copy)
  code.tabIndex = 0
  code.setAttribute('role', 'region')
  code.setAttribute('aria-label', language ? `${language} code` : 'Code')
  code.replaceWith(figure)
  figure.append(head, code)
}

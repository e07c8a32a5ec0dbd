/** Sets a formula; what cannot be set stays as it was typed. */
export async function typeset(formula: HTMLElement): Promise<void> {
  if (formula.classList.contains('drawn')) return
  const source = formula.textContent ?? ''
  const [{ default: katex }] = await Promise.all([import('katex'), import('katex/dist/katex.min.css')])
  if (!formula.isConnected || formula.textContent !== source) return
  try {
    katex.render(source, formula, { displayMode: formula.dataset['display'] === 'true', maxExpand: 300, maxSize: 20, trust: false })
    formula.classList.add('drawn')
  } catch {
    formula.textContent = source
  }
}

/**
 * Makes the children of `target` those of `wanted`, keeping each node that is equal: what streams in does not flicker, and a
 * selection in it stays. Text that has only grown is appended to.
 */
export function patch(target: Node, wanted: Node): void {
  let old = target.firstChild
  let next = wanted.firstChild
  while (next) {
    const made = next
    next = next.nextSibling
    if (!old) {
      target.appendChild(made)
      continue
    }
    const there = old
    old = old.nextSibling
    if (!reuse(there, made)) target.replaceChild(made, there)
  }
  while (old) {
    const gone = old
    old = old.nextSibling
    target.removeChild(gone)
  }
}

/** Whether `there` could become what `made` is. */
function reuse(there: Node, made: Node): boolean {
  if (there instanceof Text && made instanceof Text) {
    if (made.data !== there.data) {
      if (made.data.startsWith(there.data)) there.appendData(made.data.slice(there.length))
      else there.data = made.data
    }
    return true
  }
  if (!(there instanceof Element && made instanceof Element) || there.tagName !== made.tagName) return false
  if (there.classList.contains('drawn') || !sameAttributes(there, made)) return false
  patch(there, made)
  return true
}

function sameAttributes(one: Element, other: Element): boolean {
  if (one.attributes.length !== other.attributes.length) return false
  return Array.from(other.attributes).every(({ name, value }) => one.getAttribute(name) === value)
}

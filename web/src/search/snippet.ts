/** A piece of a snippet, and whether it is what was searched for. */
export interface Piece {
  text: string
  found: boolean
}

/** A snippet cut at its ranges, which count characters and not JavaScript's halves of them. */
export function piecesOf(snippet: string, ranges: [number, number][]): Piece[] {
  const letters = Array.from(snippet)
  const pieces: Piece[] = []
  let at = 0
  for (const [start, end] of ranges) {
    if (start > at) pieces.push({ text: letters.slice(at, start).join(''), found: false })
    pieces.push({ text: letters.slice(start, end).join(''), found: true })
    at = end
  }
  if (at < letters.length) pieces.push({ text: letters.slice(at).join(''), found: false })
  return pieces
}

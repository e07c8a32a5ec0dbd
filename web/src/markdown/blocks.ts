import { lexer, type Token } from './syntax'

/** One block of a text, from its Markdown: what is drawn, and drawn again only when it changes. */
export interface Block {
  raw: string
  token: Token
}

/**
 * A text as blocks, kept up to date while it grows: only its last two blocks are read again, for any earlier one is
 * finished. A text that began otherwise is read as a whole.
 */
export class Blocks {
  private text = ''
  private all: Block[] = []

  update(text: string): Block[] {
    if (text === this.text) return this.all
    const stays = text.startsWith(this.text) ? this.all.slice(0, -2) : []
    const from = stays.reduce((sum, block) => sum + block.raw.length, 0)
    // Not where the text before is the beginning of a definition that others refer to: those are read as a whole.
    this.all = [...stays, ...read(text.slice(from))]
    this.text = text
    return this.all
  }
}

export function read(text: string): Block[] {
  const blocks: Block[] = []
  for (const token of lexer(text)) {
    const last = blocks.at(-1)
    // Blank lines belong to the block before them.
    if (token.type === 'space' && last) last.raw += token.raw
    else blocks.push({ raw: token.raw, token })
  }
  return blocks
}

"""Where Markdown that is still being written can be cut: what stands before the cut will not look different later."""

import re

from markdown_it.token import Token

from palaver.cli.markdown import parse


def find_settled(text: str) -> int:
    """How many characters belong to blocks that have ended. Only whole lines are judged, the last block never is."""
    whole = text[: text.rfind("\n") + 1]
    starts = [_lines(token)[0] for token in _blocks(whole)]
    return _offset(whole, starts[-1]) if len(starts) > 1 else 0


def divide(text: str) -> tuple[str, str] | None:
    """A single long block as two that read the same: its beginning, and its last line or item. None where it cannot be."""
    blocks = _blocks(text)
    if len(blocks) != 1:
        return None
    block = blocks[0]
    match block.type:
        case "fence":
            return _divide_fence(text, block)
        case "bullet_list_open" | "ordered_list_open":
            return _divide_at(text, _last_item(text))
        case "paragraph_open":
            return _divide_at(text, _last_line(text))
        case "table_open":
            return _divide_table(text, block)
        case _:
            return None


def _divide_fence(text: str, block: Token) -> tuple[str, str] | None:
    line, rows = _last_line(text), _rows(text)
    if line <= _lines(block)[0] + 1 or rows[-1].strip().startswith(block.markup):
        return None
    head, tail = _split(text, line)
    opening = rows[_lines(block)[0]]
    return f"{head}{block.markup}\n", f"{opening}{tail}"


def _divide_table(text: str, block: Token) -> tuple[str, str] | None:
    line, first = _last_line(text), _lines(block)[0]
    if line <= first + 2:
        return None
    head, tail = _split(text, line)
    return head, "".join(_rows(text)[first : first + 2]) + tail


def _divide_at(text: str, line: int) -> tuple[str, str] | None:
    head, tail = _split(text, line)
    return (head, tail) if head.strip() and tail.strip() else None


def _last_item(text: str) -> int:
    items = [token for token in parse(text) if token.type == "list_item_open" and token.level == 1]
    return _lines(items[-1])[0] if items else 0


def _last_line(text: str) -> int:
    return len(_rows(text)) - 1


def _blocks(text: str) -> list[Token]:
    return [token for token in parse(text) if token.level == 0 and token.map is not None]


def _lines(token: Token) -> tuple[int, int]:
    first, last = token.map or (0, 0)
    return first, last


def _split(text: str, line: int) -> tuple[str, str]:
    at = _offset(text, line)
    return text[:at], text[at:]


def _offset(text: str, line: int) -> int:
    return sum(len(row) for row in _rows(text)[:line])


def _rows(text: str) -> list[str]:
    # Not str.splitlines: Markdown knows no other ends of lines.
    return re.findall(r"[^\n]*\n|[^\n]+", text)

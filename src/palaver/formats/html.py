"""One page of HTML that stands alone: no script, nothing loaded from elsewhere, every text from a message inert."""

import base64
import json
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, BinaryIO

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from palaver.errors import NotFound
from palaver.formats.base import Format
from palaver.formats.selection import Selection
from palaver.model import (
    Event,
    File,
    Message,
    Part,
    Reasoning,
    Role,
    Session,
    Text,
    Time,
    ToolCall,
    ToolResult,
)
from palaver.store import Store
from palaver.wire import format_time

RENDERED = 200_000
"""Characters; a longer text is shown as it is, because laying it out would take minutes."""
INLINE = 4 << 20
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_WHO: dict[Role, str] = {
    "user": "You",
    "assistant": "Assistant",
    "system": "System",
    "tool": "Tool",
    "note": "Note",
}
_STATES = {
    "interrupted": "This answer was interrupted.",
    "cancelled": "This answer was stopped.",
    "error": "This answer failed.",
}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def write(selection: Selection, out: BinaryIO) -> None:
    """The branch that is shown of each session; several get a list of contents."""
    sessions = list(selection.sessions())
    _Page(selection.store, out).write(sessions)


class _Page:
    def __init__(self, store: Store, out: BinaryIO) -> None:
        self.store = store
        self.out = out
        self.markdown = _markdown()

    def write(self, sessions: list[Session]) -> None:
        single = sessions[0] if len(sessions) == 1 else None
        title = single.title if single else f"{len(sessions)} conversations"
        self._put(_head(title))
        facts = _facts(single) if single else ""
        self._put(f'<header>\n<h1 dir="auto">{escape(title)}</h1>\n{facts}</header>\n')
        if single is None:
            self._put(_contents(sessions))
        self._put("<main>\n")
        for session in sessions:
            self._session(session, 2 if single else 3)
        self._put("</main>\n")
        self._put(
            f"<footer><p>Exported from Palaver on {_time(Time.current())}.</p></footer>\n</body>\n</html>\n"
        )

    def _session(self, session: Session, level: int) -> None:
        if level > 2:
            self._put(f'<section aria-labelledby="s-{session.id}">\n')
            self._put(f'<h2 id="s-{session.id}" dir="auto">{escape(session.title)}</h2>\n{_facts(session)}')
        if session.system_prompt:
            self._put(_details("System prompt", self._text(session.system_prompt)))
        for message in self.store.messages(session.id, leaf_id=session.head_id):
            if message.status != "streaming":
                self._put(self._message(message, level))
        if level > 2:
            self._put("</section>\n")

    def _message(self, message: Message, level: int) -> str:
        model = f"<small>{escape(message.model)}</small>" if message.model else ""
        who = f"<h{level}>{_WHO[message.role]}{model}</h{level}>"
        state = message.error or _STATES.get(message.status)
        return (
            f'<article class="{message.role}">\n<div class="who">{who}{_time(message.created_at)}</div>\n'
            + "".join(self._part(part) for part in sorted(message.parts, key=_said_after_thought))
            + (f'<p class="state">{escape(state)}</p>\n' if state else "")
            + "</article>\n"
        )

    def _part(self, part: Part) -> str:
        match part:
            case Text(text=text):
                shown = self._text(text)
            case Reasoning(text=text):
                shown = _details("Reasoning", self._text(text))
            case ToolCall(name=name, args=args):
                shown = _details(f"Calls <code>{escape(name)}</code>", _plain(_readable(args)))
            case ToolResult():
                shown = self._result(part)
            case File():
                shown = self._file(part)
            case Event(name=name, data=data):
                shown = _details(f"<code>{escape(name)}</code>", _plain(_readable(data)))
            case _:
                source, data = part.source, part.data
                shown = _details(f"Kept from <code>{escape(source)}</code>", _plain(_readable(data)))
        return shown

    def _text(self, text: str) -> str:
        if not text:
            return ""
        body = self.markdown.render(text) if len(text) <= RENDERED else _plain(text)
        return f'<div class="text" dir="auto">\n{body}</div>\n'

    def _result(self, result: ToolResult) -> str:
        name = escape(result.name or "tool")
        shown = result.llm_content if isinstance(result.llm_content, str) else _readable(result.llm_content)
        outcome = "Failure" if result.is_error else "Result"
        summary = f" — {escape(result.return_display)}" if result.return_display else ""
        return _details(f"{outcome} of <code>{name}</code>{summary}", _plain(shown))

    def _file(self, file: File) -> str:
        name = escape(file.name)
        content = self._picture(file)
        if content is None:
            return f"<p>Attached: {name} ({escape(file.mime)}, {file.size:,} bytes)</p>\n"
        data = base64.b64encode(content).decode()
        return f'<p><img alt="{name}" src="data:{file.mime};base64,{data}"></p>\n'

    def _picture(self, file: File) -> bytes | None:
        if file.mime not in _PICTURES or file.size > INLINE:
            return None
        try:
            with self.store.open_file(file.digest) as content:
                return content.read()
        except NotFound:
            return None

    def _put(self, text: str) -> None:
        self.out.write(text.encode())


def _said_after_thought(part: Part) -> bool:
    return not isinstance(part, Reasoning)


def _head(title: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="Palaver">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_style()}</style>\n</head>\n<body>\n"
    )


@cache
def _style() -> str:
    return (files("palaver.formats") / "html.css").read_text("utf-8")


def _facts(session: Session) -> str:
    facts = {
        "Model": escape(session.model) if session.model else "",
        "Begun": _time(session.created_at),
        "Messages": f"{session.message_count:,}",
        "Tags": escape(", ".join(session.tags)),
    }
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items() if value)
    return f'<dl class="facts">{rows}</dl>\n'


def _contents(sessions: list[Session]) -> str:
    links = "".join(f'<li><a href="#s-{each.id}">{escape(each.title)}</a></li>\n' for each in sessions)
    return f'<nav aria-label="Contents">\n<ol>\n{links}</ol>\n</nav>\n'


def _time(moment: Time) -> str:
    return f'<time datetime="{format_time(moment)}">{moment:%Y-%m-%d %H:%M} UTC</time>'


def _details(summary: str, body: str) -> str:
    return f"<details>\n<summary>{summary}</summary>\n{body}</details>\n"


def _plain(text: str) -> str:
    return f'<pre class="plain" dir="auto">{escape(text)}</pre>\n'


def _readable(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _markdown() -> MarkdownIt:
    """CommonMark with tables, in which HTML is text and a picture from elsewhere is a link to it."""
    options = {"html": False, "breaks": True, "xhtmlOut": False}
    markdown = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    setattr(markdown, "validateLink", _leads_elsewhere)  # noqa: B010  its documented way, which types do not allow
    markdown.add_render_rule("image", _image)
    markdown.add_render_rule("link_open", _link)
    for kind in ("heading_open", "heading_close"):
        markdown.add_render_rule(kind, _heading)
    return markdown


def _leads_elsewhere(url: str) -> bool:
    """Only what a browser fetches or mails to: nothing that runs, nothing relative to where the page happens to lie."""
    return url.lower().startswith(("https://", "http://", "mailto:"))


def _image(self: RendererHTML, tokens: list[Token], index: int, options: OptionsDict, env: Any) -> str:
    token = tokens[index]
    label = escape(self.renderInlineAsText(token.children or [], options, env) or "picture")
    return (
        f'<a rel="noopener noreferrer nofollow" href="{escape(str(token.attrGet("src") or ""))}">{label}</a>'
    )


def _link(self: RendererHTML, tokens: list[Token], index: int, options: OptionsDict, env: Any) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return self.renderToken(tokens, index, options, env)


def _heading(self: RendererHTML, tokens: list[Token], index: int, options: OptionsDict, env: Any) -> str:
    """Headings of a message stand below the message's own."""
    token = tokens[index]
    token.tag = f"h{min(6, int(token.tag[1:]) + 3)}"
    return self.renderToken(tokens, index, options, env)


FORMAT = Format(None, write)

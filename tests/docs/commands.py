"""The `palaver` commands in blocks of shell, checked against the program without running them."""

import re
import shlex
from collections.abc import Iterator

import click

from palaver.cli.main import palaver

_SEPARATORS = {"|", "||", "&&", ";", "&"}
_INNER = re.compile(r"\$\(([^()]*)\)")
_SETTING = re.compile(r"[A-Z_]+=")


def palaver_commands(script: str) -> Iterator[list[str]]:
    """The arguments of each call of `palaver`, those within $(…) too."""
    for line in script.replace("\\\n", " ").splitlines():
        for part in [line, *_INNER.findall(line)]:
            for words in _split(part):
                if words and words[0].rpartition("/")[2] == "palaver":
                    yield words[1:]


def check(arguments: list[str]) -> None:
    """Raise `click.UsageError` for a command, an option or a value there is not."""
    try:
        with palaver.make_context("palaver", list(arguments)) as root:
            rest = [*root._protected_args, *root.args]
            if rest:
                name, command, rest = palaver.resolve_command(root, rest)
                assert command is not None
                command.make_context(name, rest, parent=root).close()
    except click.exceptions.Exit:
        pass  # --help and --version


def _split(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    redirected = False
    for word in lexer:
        if word in _SEPARATORS:
            yield words
            words, redirected = [], False
        elif word[0] in "<>":
            redirected = True
        elif not redirected and not (words == [] and _SETTING.match(word)):
            words.append(word)
    yield words

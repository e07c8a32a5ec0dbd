"""Writes docs/reference/ from the code: `python -m tools.reference`. A test holds that it is current."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Any

import click

import palaver
from palaver import aio, errors, model, settings, storage, store
from palaver.chat import commands, events, lifecycle
from palaver.cli import exits
from palaver.cli.main import palaver as program
from palaver.errors import PalaverError
from palaver.formats.detect import FORMATS
from tools import sources
from tools.markdown import code, fenced, line, table
from tools.rest import rest

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
HELP_WIDTH = 90
NOTICE = "<!-- Written by `python -m tools.reference`; a test holds that it is current. -->"


def write() -> None:
    """Put the pages where they belong."""
    FOLDER.mkdir(exist_ok=True)
    for name in PAGES:
        (FOLDER / name).write_text(render_page(name), encoding="utf-8")


def render_page(name: str) -> str:
    """The text of the page in the file of this name."""
    title, *rest = (block.strip("\n") for block in PAGES[name]())
    return "\n\n".join([title, NOTICE, *filter(None, rest)]) + "\n"


# python.md


def _python() -> Iterator[str]:
    yield "# Python"
    yield (
        "The public names of `palaver`. What is not here is not promised. Errors are on [a page of their own](errors.md). "
        "`import palaver` loads each of them when it is first asked for."
    )
    yield from _opening()
    yield from _store()
    yield from _around()
    yield from _making()
    yield from _values()


def _opening() -> Iterator[str]:
    yield "## Opening a store"
    yield from _function(storage, "open_store", "###")


def _store() -> Iterator[str]:
    yield "## Store"
    yield inspect.cleandoc(store.__doc__ or "")
    for heading, methods in sources.sections(store, "Store"):
        yield f"### {heading or 'The store itself'}"
        for method in methods:
            yield f"#### {method.name}"
            yield fenced("@property\n" * sources.is_property(method) + sources.signature(method))
            yield sources.doc(method)
    yield "### Filter"
    yield from _struct(store, "Filter")
    yield "`HEAD` is the session's head as it is at the commit, or at the read."


def _around() -> Iterator[str]:
    yield "## AsyncStore"
    yield from _class(aio, "AsyncStore")
    yield (
        f"Every other verb of `Store` is a coroutine with the same arguments; {_listed(aio.STREAMS)} are async iterators."
    )
    yield "## SessionManager"
    yield from _class(lifecycle, "SessionManager")
    yield "The events of `on` carry:"
    yield from _struct(lifecycle, "SessionEvent")


def _making() -> Iterator[str]:
    yield "## New messages"
    for name in _names(model, inspect.isfunction):
        yield from _function(model, name, "###")


def _values() -> Iterator[str]:
    yield "## Values"
    yield "Frozen structs. In JSON their fields are written in camelCase, times in RFC 3339 with milliseconds."
    for name in _names(model, inspect.isclass):
        yield f"### {name}"
        yield from _class(model, name)
    yield "### Words that fields take"
    yield fenced("\n".join(f"{name} = {choice}" for name, choice in sources.aliases(model)))


def _names(module: ModuleType, kind: Callable[[Any], bool]) -> list[str]:
    public = {name: getattr(palaver, name) for name in palaver.__all__}
    return [name for name, value in public.items() if kind(value) and value.__module__ == module.__name__]


def _function(module: ModuleType, name: str, level: str) -> Iterator[str]:
    node = sources.find_function(module, name)
    yield f"{level} {name}"
    yield fenced(sources.signature(node))
    yield sources.doc(node)


def _class(module: ModuleType, name: str) -> Iterator[str]:
    """Its text, then fields and methods as in a stub."""
    node = sources.find_class(module, name)
    yield sources.doc(node)
    stub = [_field_line(field) for field in sources.fields(node)]
    for method in sources.public_methods(node):
        stub += _method(method)
    yield fenced("\n".join([f"class {name}:", *stub]))


def _method(method: sources.Function) -> Iterator[str]:
    if sources.is_property(method):
        yield "    @property"
    head = sources.signature(method, indent="    ")
    text = indent(sources.doc(method), " " * 8).lstrip()
    yield f'{head}:\n        """{text}"""' if text else f"{head}: ..."


def _struct(module: ModuleType, name: str) -> Iterator[str]:
    node = sources.find_class(module, name)
    yield sources.doc(node)
    yield fenced("\n".join([f"class {name}:", *map(_field_line, sources.fields(node))]))


def _field_line(field: sources.Field) -> str:
    default = "new_id()" if "default_factory" in field.default else field.default
    return f"    {field.name}: {field.type}" + (f" = {default}" if default else "")


# cli.md


def _cli() -> Iterator[str]:
    yield "# Command line"
    yield (
        "What `palaver --help` and `palaver COMMAND --help` say. `--store`, `--actor`, `--config`, `--json` and `--debug` "
        "may stand before or after the command. [Exit codes](errors.md) tell how a command ended."
    )
    root = click.Context(program, info_name="palaver", terminal_width=HELP_WIDTH, **program.context_settings)
    yield fenced(program.get_help(root), "text")
    for heading, names in program.sections.items():
        yield f"## {heading}"
        for name in names:
            yield from _command(root, name)
    yield "## In a conversation"
    yield (
        "A line of `palaver chat` that begins with one of these is a command. A path such as `/usr/bin`, and a line that "
        "begins with two slashes, is said to the model."
    )
    rows = [(code(f"/{c.name} {c.syntax}".strip()), _aliases(c), c.help) for c in commands.COMMANDS]
    yield table(("command", "or", "what it does"), rows)


def _command(root: click.Context, name: str) -> Iterator[str]:
    found = program.get_command(root, name)
    if found is None:
        raise LookupError(f"there is no command {name}")
    context = click.Context(found, info_name=name, parent=root, terminal_width=HELP_WIDTH)
    yield f"### palaver {name}"
    yield fenced(found.get_help(context), "text")


def _aliases(command: commands.Command) -> str:
    return ", ".join(code(f"/{name}") for name in command.aliases)


# settings.md


def _settings() -> Iterator[str]:
    yield "# Settings"
    yield (
        "A flag goes before the environment, the environment before `config.toml`, and that before the default. "
        "`palaver config` shows each value in force and where it came from, `palaver config path` where the file is."
    )
    node = sources.find_class(settings, "Settings")
    rows = [
        (f"`{field.name}`", _variable(field.name), code(field.type), code(_toml(field.default)), field.text)
        for field in sources.fields(node)
        if field.name not in settings.TABLES
    ]
    yield table(("in `config.toml`", "environment", "type", "default", "what it is"), rows)
    yield (
        "Two things are set outside of the file: `PALAVER_CONFIG`, or `--config`, names another `config.toml`. "
        "A variable that is empty counts as not set."
    )
    for name in _tables():
        node = sources.find_class(settings, f"{name}Settings")
        words = re.sub(r"(?<!^)(?=[A-Z])", " ", name)
        yield f"## {words.capitalize()}s"
        yield sources.doc(node)
        yield table(
            ("field", "type", "default"),
            [(f"`{f.name}`", code(f.type), code(_toml(f.default))) for f in sources.fields(node)],
        )
    for name, kinds in sources.aliases(settings):
        yield f"`{name}` is {code(kinds)}."


def _tables() -> list[str]:
    """What `[[…]]` tables are read into: `Provider` of `ProviderSettings`, and so on."""
    return [name.removesuffix("Settings") for name in vars(settings) if re.fullmatch(r".+Settings", name)]


def _variable(name: str) -> str:
    return f"`PALAVER_{name.upper()}`"


def _toml(default: str) -> str:
    return {"None": "", "True": "true", "False": "false", "()": ""}.get(default, default)


# errors.md


def _errors() -> Iterator[str]:
    yield "# Errors"
    yield (
        "Every error raised on purpose is a `palaver.PalaverError`. `code` never changes; the text is for people and may. "
        "`palaver` prints one line on stderr, with `--json` an object with `code`, `detail`, `exitCode` and the attributes."
    )
    found = [
        each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, PalaverError)
    ]
    yield table(("class", "`code`", "exit code", "when"), [_error(each) for each in found])
    names = {number: f"`{code}`" for code, number in exits.EXIT_CODES.items()}
    lines = [text.split(maxsplit=1) for text in (exits.__doc__ or "").splitlines() if text[:1].isdigit()]
    yield "The other exit codes:"
    yield table(
        ("exit code", "`code`", "when"),
        [(number, names.get(int(number), ""), text) for number, text in lines if number.isdigit()],
    )


def _error(each: type[PalaverError]) -> tuple[str, str, str, str]:
    return (
        f"`{each.__name__}`",
        f"`{each.code}`",
        str(exits.exit_code(each.code)),
        line(inspect.getdoc(each) or ""),
    )


# formats.md


def _formats() -> Iterator[str]:
    yield "# Formats"
    yield "`palaver import` finds the format by looking into the file; `palaver export --format NAME` writes it."
    rows = [
        (f"`{name}`", _yes(each.read), _yes(each.write), "several" if each.many else "one")
        for name, each in FORMATS.items()
    ]
    yield table(("format", "read", "written", "sessions in a file"), rows)
    for name, each in FORMATS.items():
        yield f"## {name}"
        home = (each.read or each.write).__module__
        yield inspect.cleandoc(sys.modules[home].__doc__ or "")


def _yes(way: object) -> str:
    return "yes" if way else "no"


# events.md


def _events() -> Iterator[str]:
    yield "# Events of a turn"
    yield inspect.cleandoc(events.__doc__ or "")
    for kind in events.TurnEvent.__args__:
        yield f"## {kind.__struct_config__.tag}"
        node = sources.find_class(events, kind.__name__)
        yield sources.doc(node)
        yield fenced(
            "\n".join([f"class {kind.__name__}:", "    id: str", *map(_field_line, sources.fields(node))])
        )


def _listed(names: Iterable[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "python.md": _python,
    "cli.md": _cli,
    "settings.md": _settings,
    "errors.md": _errors,
    "formats.md": _formats,
    "events.md": _events,
    "rest.md": rest,
}

if __name__ == "__main__":
    write()

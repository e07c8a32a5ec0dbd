"""Writes `aio.pyi` from the contract: `python -m tests.support.stubs`."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from palaver import aio, store

ROOT = Path(__file__).parents[2]
STUB = ROOT / "src/palaver/aio.pyi"

HEADER = "# Written by `python -m tests.support.stubs` from store.py; a test holds that it is current.\n"
CONSTANTS = """\
THREADS: int
READING: int
BATCH: int
STREAMS: tuple[str, ...]
DIRECT: tuple[str, ...]
VERBS: tuple[str, ...]"""
BY_HAND = ("__init__", "actor", "location", "as_actor", "listen", "close", "__aenter__", "__aexit__")

Method = ast.FunctionDef | ast.AsyncFunctionDef


def render() -> str:
    """The stub's text, formatted as the repository is."""
    body = [*ast.parse(CONSTANTS).body, _class()]
    module = ast.Module([*_imports(body), *body], [])
    return _format(HEADER + ast.unparse(module))


def _class() -> ast.stmt:
    by_hand = [_declared(method) for method in _methods(aio, "AsyncStore") if method.name in BY_HAND]
    verbs = [_verb(method) for method in _methods(store, "Store") if method.name in aio.VERBS + aio.STREAMS]
    return ast.ClassDef("AsyncStore", [], [], [*by_hand, *verbs], [])


def _methods(module: ModuleType, name: str) -> Iterable[Method]:
    tree = ast.parse(inspect.getsource(module))
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return [node for node in found.body if isinstance(node, Method)]


def _verb(method: Method) -> ast.stmt:
    if method.name not in aio.STREAMS:
        return _declared(ast.AsyncFunctionDef(method.name, method.args, [], [], method.returns, lineno=0))
    returns = ast.parse("AsyncIterator[Message]", mode="eval").body
    return _declared(ast.FunctionDef(method.name, method.args, [], [], returns, lineno=0))


def _declared(method: Method) -> ast.stmt:
    method.body = [ast.Expr(ast.Constant(...))]
    method.args.defaults = [_default(value) for value in method.args.defaults]
    method.args.kw_defaults = [value and _default(value) for value in method.args.kw_defaults]
    if isinstance(method.returns, ast.Constant) and isinstance(method.returns.value, str):
        method.returns = ast.Name(method.returns.value)
    return method


def _default(value: ast.expr) -> ast.expr:
    return value if isinstance(value, ast.Constant) else ast.Constant(...)


def _imports(body: list[ast.stmt]) -> list[ast.stmt]:
    used = {node.id for part in body for node in ast.walk(part) if isinstance(node, ast.Name)}
    wanted: dict[str, set[str]] = {}
    for module in (aio, store):
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                wanted.setdefault(node.module, set()).update(used & {alias.name for alias in node.names})
    wanted["palaver.store"] |= used & {"Filter", "Head", "Record"}
    return [
        ast.ImportFrom(module, [ast.alias(name) for name in sorted(names)], 0)
        for module, names in wanted.items()
        if names
    ]


def _format(text: str) -> str:
    return _ruff(["format"], _ruff(["check", "--fix", "--select=I"], text))


def _ruff(command: list[str], text: str) -> str:
    line = [sys.executable, "-m", "ruff", *command, "--quiet", "--stdin-filename", str(STUB), "-"]
    return subprocess.run(line, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout


if __name__ == "__main__":
    STUB.write_text(render(), encoding="utf-8")

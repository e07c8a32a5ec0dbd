"""What the source of a module says that its objects do not: signatures as written, texts below fields, headings."""

import ast
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

WIDTH = 100

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Field(NamedTuple):
    """A field of a struct; `text` is the string that stands below it."""

    name: str
    type: str
    default: str
    text: str


def find_class(module: ModuleType, name: str) -> ast.ClassDef:
    return next(node for node in _tree(module).body if isinstance(node, ast.ClassDef) and node.name == name)


def find_function(module: ModuleType, name: str) -> Function:
    return next(node for node in _tree(module).body if isinstance(node, Function) and node.name == name)


def aliases(module: ModuleType) -> Iterator[tuple[str, str]]:
    """The names of a module that stand for a choice of words, and the choice."""
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and _text(node.value).startswith("Literal["):
            yield _text(node.targets[0]), _text(node.value)


def doc(node: ast.ClassDef | Function | ast.Module) -> str:
    return ast.get_docstring(node) or ""


def fields(node: ast.ClassDef) -> list[Field]:
    """The annotated names of a class, those for the class alone left out."""
    found: list[Field] = []
    for place, entry in enumerate(node.body):
        if isinstance(entry, ast.AnnAssign) and "ClassVar" not in _text(entry.annotation):
            default = _text(entry.value) if entry.value else ""
            found.append(
                Field(
                    _text(entry.target),
                    _text(entry.annotation),
                    default,
                    _text_at(node, place + 1),
                )
            )
    return found


def public_methods(node: ast.ClassDef) -> list[Function]:
    """The methods that people call, `__init__` among them where it takes something."""
    return [
        entry
        for entry in node.body
        if isinstance(entry, Function) and (not entry.name.startswith("_") or entry.name == "__init__")
    ]


def sections(module: ModuleType, name: str) -> Iterator[tuple[str, list[Function]]]:
    """The methods of a class under the comments of one line that stand between them; "" before the first."""
    node = find_class(module, name)
    lines = inspect.getsource(module).splitlines()
    heading, methods = "", list[Function]()
    at = node.lineno
    for method in public_methods(node):
        begin = min([method.lineno, *(decorator.lineno for decorator in method.decorator_list)])
        between = [line.strip() for line in lines[at : begin - 1] if line.startswith("    # ")]
        if between:
            yield heading, methods
            heading, methods = between[-1].removeprefix("# "), []
        methods.append(method)
        at = method.end_lineno or at
    yield heading, methods


def signature(node: Function, *, indent: str = "") -> str:
    """The head of a function, on several lines where one does not hold it."""
    start = f"{indent}{'async ' if isinstance(node, ast.AsyncFunctionDef) else ''}def {node.name}("
    end = ")" + (f" -> {_plain(node.returns)}" if node.returns else "")
    parameters = list(_parameters(node.args))
    line = f"{start}{', '.join(parameters)}{end}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([start, *(f"{indent}    {parameter}," for parameter in parameters), indent + end])


def is_property(node: Function) -> bool:
    return any(_text(decorator) == "property" for decorator in node.decorator_list)


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    plain = [*arguments.posonlyargs, *arguments.args]
    missing = len(plain) - len(arguments.defaults)
    for argument, default in zip(plain, [*[None] * missing, *arguments.defaults], strict=True):
        yield _parameter(argument, default)
    if arguments.vararg:
        yield "*" + _parameter(arguments.vararg, None)
    elif arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(argument, default)
    if arguments.kwarg:
        yield "**" + _parameter(arguments.kwarg, None)


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    head = argument.arg + (f": {_plain(argument.annotation)}" if argument.annotation else "")
    if default is None:
        return head
    return f"{head} = {_text(default)}" if argument.annotation else f"{head}={_text(default)}"


def _plain(annotation: ast.expr) -> str:
    """A type as people read it; one that is quoted because it is defined later stands without quotes."""
    return (
        str(annotation.value)
        if isinstance(annotation, ast.Constant) and annotation.value
        else _text(annotation)
    )


def _text(node: ast.AST) -> str:
    """Code as it is written here: in double quotes."""
    return re.sub(r"'([^'\"\\]*)'", r'"\1"', ast.unparse(node))


def _text_at(node: ast.ClassDef, place: int) -> str:
    if place < len(node.body):
        entry = node.body[place]
        if isinstance(entry, ast.Expr) and isinstance(entry.value, ast.Constant):
            return inspect.cleandoc(str(entry.value.value))
    return ""


def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))

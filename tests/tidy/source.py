"""The repository's own files, read once, for the tests that hold it to its style."""

import ast
import gc
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A Python file: its path from the root, its text and its syntax tree."""

    name: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return self.text.count("\n")


@cache
def tracked() -> tuple[str, ...]:
    """Every file under version control (also those not yet committed), from the root."""
    # The clone may be another user's (a root shell in a person's clone): we only list names in it.
    command = [
        "git",
        "-c",
        f"safe.directory={ROOT}",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(name for name in sorted(set(listed.splitlines())) if (ROOT / name).is_file())


@cache
def python_files() -> tuple[Source, ...]:
    """The Python files of product, tests and benchmarks."""
    names = [name for name in tracked() if name.endswith(".py")]
    # The trees stay to the end: to look through them for garbage, again and again, would take longest of all.
    gc.disable()
    sources = tuple(_source(name) for name in names)
    gc.freeze()
    gc.enable()
    return sources


def _source(name: str) -> Source:
    text = (ROOT / name).read_text()
    return Source(name, text, ast.parse(text))


@cache
def functions(source: Source) -> tuple[tuple[str, Function], ...]:
    """Each function with its dotted name."""
    return tuple(_functions(source.tree, ""))


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    """Only statements hold functions, so expressions are passed over."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            if isinstance(child, Function):
                yield f"{prefix}{child.name}", child
            inside = f"{prefix}{child.name}." if isinstance(child, Function | ast.ClassDef) else prefix
            yield from _functions(child, inside)


def body_lines(function: Function) -> int:
    """Lines of a function from its `def` to its end, without its docstring."""
    first, last = function.lineno, function.end_lineno or function.lineno
    head = function.body[0]
    docstring = 0
    if (
        isinstance(head, ast.Expr)
        and isinstance(head.value, ast.Constant)
        and isinstance(head.value.value, str)
    ):
        docstring = (head.end_lineno or head.lineno) - head.lineno + 1
    return last - first + 1 - docstring

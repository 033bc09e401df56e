"""Notebooks: what one says by itself, read without running anything: its kernel, parameters and imports.

The parameters are the assignments of the cell with the tag `parameters`; values that are given for a run come
in a cell after it, as papermill puts them there.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from launchyard.model.errors import Invalid
from launchyard.model.number import shown

TAG = "parameters"
HELP_MAX = 200
SOURCE_MAX = 500

Cells = Sequence[Mapping[str, Any]]

READ_MAX = 16 * 1024
"""Letters of a source, or of a value, that are read as Python: that takes long, and nothing else runs."""

_LINE = re.compile(r"\s*([A-Za-z.][\w.]*)\s*(?:<-|=)([^#]*)(?:#+(.*))?", re.ASCII)
"""An assignment in R, Julia and languages like them; blanks are cut off afterwards, so it is linear."""
_WORDS: Mapping[str, Any] = {
    "TRUE": True,
    "FALSE": False,
    "true": True,
    "false": False,
    "T": True,
    "F": False,
    "NULL": None,
}
_MAGIC = ("%", "!", "?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter. `kind` is `truth`, `whole`, `number`, `text`, `list`, `table` or `other`.

    `source` is what stands in the notebook; `value` what that is, None where only running it would tell.
    """

    name: str
    kind: str
    source: str
    value: Any = None
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """What a notebook says. `kernel` is the name it asks for, `marked` whether a cell has the tag."""

    kernel: str
    kernel_title: str
    language: str
    code_cells: int
    marked: bool
    parameters: tuple[Parameter, ...] = ()
    imports: tuple[str, ...] = ()
    unread: bool = False
    """The cell with the parameters cannot be read as what its language is."""
    errors: int = 0
    """How many cells ended in an error when they ran last."""
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The notebook without outputs."""


def read(text: str, name: str, *, imports: bool = False) -> Notebook:
    """The notebook in `text`. Raises `Invalid` where it is none, or of a form nobody writes any more.

    `imports`: what its code imports is looked for too, which takes its time.
    """
    try:
        loaded: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid(f"{name} is no notebook: it is not JSON; open and save it in Jupyter") from None
    cells = loaded.get("cells") if isinstance(loaded, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise Invalid(f"{name} is no notebook of format 4; open and save it in Jupyter")
    metadata = _table(loaded.get("metadata"))
    spec, info = _table(metadata.get("kernelspec")), _table(metadata.get("language_info"))
    language = str(spec.get("language") or info.get("name") or "python").lower()
    code = [cell for cell in cells if cell.get("cell_type") == "code"]
    marked = next((cell for cell in code if TAG in _tags(cell)), None)
    parameters, unread = _parameters(source_of(marked), language) if marked else ((), False)
    return Notebook(
        kernel=str(spec.get("name") or ""),
        kernel_title=str(spec.get("display_name") or spec.get("name") or ""),
        language=language,
        code_cells=len(code),
        marked=marked is not None,
        parameters=parameters,
        unread=unread,
        imports=tuple(sorted(_imports(code))) if imports and language == "python" else (),
        errors=sum(1 for cell in code if _failed(cell)),
        content={**loaded, "cells": [_bare(cell) for cell in cells], "metadata": _without_widgets(metadata)},
    )


def source_of(cell: Mapping[str, Any]) -> str:
    """A cell's text, which may be kept as a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source))


def values_of(parameters: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values as what the notebook takes for each name. Raises `Invalid` for what does not fit."""
    known = {one.name: one for one in parameters}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            listed = ", ".join(known) or "none"
            raise Invalid(f"the notebook has no parameter {shown(name)}; it has {listed}")
        values[name] = fitting(known[name], value)
    return values


def fitting(parameter: Parameter, value: Any) -> Any:
    """`value` as this parameter takes it; a text is read as a person types it. Raises `Invalid`."""
    kind = parameter.kind
    if kind == "text":
        if isinstance(value, str):
            return value
        raise Invalid(f"{parameter.name} is a text; write it in quotes, not {shown(json.dumps(value))}")
    read_as = _typed(value) if isinstance(value, str) else value
    if kind == "other" or parameter.value is None:
        return read_as
    if kind == "truth" and isinstance(read_as, bool):
        return read_as
    if kind in ("whole", "number") and isinstance(read_as, int | float) and not isinstance(read_as, bool):
        return read_as
    if (kind == "list" and isinstance(read_as, list)) or (kind == "table" and isinstance(read_as, dict)):
        return read_as
    said = value if isinstance(value, str) else json.dumps(value)
    raise Invalid(f"{parameter.name} is {_CALLED[kind]} in the notebook, and {shown(said)} is not")


# -- inside

_CALLED = {
    "truth": "True or False",
    "whole": "a number",
    "number": "a number",
    "list": "a list such as [1, 2]",
    "table": 'a table such as {"a": 1}',
}


def _typed(text: str) -> Any:
    """A value as somebody types it: of Python, of JSON, else the text itself."""
    stripped = text.strip()
    if stripped in _WORDS and stripped not in ("T", "F"):
        return _WORDS[stripped]
    if len(stripped) > READ_MAX:
        return _as_json(stripped, text)
    try:
        value: Any = ast.literal_eval(stripped)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return _as_json(stripped, text)
    return list(value) if isinstance(value, tuple) else value if _plain(value) else text


def _as_json(stripped: str, otherwise: str) -> Any:
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        return otherwise


def _plain(value: Any) -> bool:
    """Whether JSON can hold it."""
    if isinstance(value, list):
        return all(map(_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(one) for key, one in value.items())
    return value is None or isinstance(value, str | bool | int | float)


def _parameters(source: str, language: str) -> tuple[tuple[Parameter, ...], bool]:
    if len(source) > READ_MAX:
        return (), True
    if language != "python":
        found = (_LINE.fullmatch(line) for line in source.splitlines()[:SOURCE_MAX])
        told = [(one[1], _statement(one[2]), (one[3] or "").strip()) for one in found if one]
        return _latest([_of_text(*one) for one in told if one[1]]), False
    try:
        tree = ast.parse(without_magics(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (), True
    lines = source.splitlines()
    return _latest([one for statement in tree.body for one in _of_statement(statement, source, lines)]), False


def _statement(text: str) -> str:
    """Without the blanks and the semicolon around it."""
    return text.strip().removesuffix(";").rstrip()


def _latest(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """A name that is set twice is what it is set to last."""
    return tuple({one.name: one for one in parameters}.values())


def _of_statement(statement: ast.stmt, source: str, lines: Sequence[str]) -> Iterator[Parameter]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, value = statement.target, statement.value
    else:
        return
    if not isinstance(target, ast.Name):
        return
    # Columns count bytes here.
    last = lines[(statement.end_lineno or 1) - 1].encode()
    rest = last[statement.end_col_offset or 0 :].decode(errors="replace").strip()
    help = rest.lstrip("#").strip() if rest.startswith("#") else ""
    text = ast.get_source_segment(source, value) or ""
    yield _parameter(target.id, text, *_literal(text), help)


def _of_text(name: str, text: str, help: str) -> Parameter:
    if text in _WORDS:
        return _parameter(name, text, _WORDS[text], True, help)
    return _parameter(name, text, *_literal(text), help)


def _literal(text: str) -> tuple[Any, bool]:
    """(its value, whether it has one without being run)"""
    try:
        value: Any = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None, False
    value = list(value) if isinstance(value, tuple) else value
    return (value, True) if _plain(value) else (None, False)


def _parameter(name: str, source: str, value: Any, known: bool, help: str) -> Parameter:
    # A truth is a whole number too, so it is asked for first.
    kinds = (
        (bool, "truth"),
        (int, "whole"),
        (float, "number"),
        (str, "text"),
        (list, "list"),
        (dict, "table"),
    )
    kind = next((word for one, word in kinds if isinstance(value, one)), "other") if known else "other"
    return Parameter(
        name=name, kind=kind, source=source[:SOURCE_MAX], value=value if known else None, help=help[:HELP_MAX]
    )


def without_magics(source: str) -> str:
    """The text with the lines that are IPython's and not Python's made harmless, line by line."""
    return "\n".join(_without_magic(line) for line in source.splitlines())


def _without_magic(line: str) -> str:
    bare = line.lstrip()
    return f"{line[: len(line) - len(bare)]}pass" if bare.startswith(_MAGIC) else line


def _imports(cells: Cells) -> set[str]:
    """The first words of all that is imported; a cell that is no Python tells nothing."""
    found: set[str] = set()
    for cell in cells:
        source = source_of(cell)
        if "import" not in source or source.startswith("%%"):
            continue
        try:
            tree = ast.parse(without_magics(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def _bare(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**cell, "outputs": [], "execution_count": None} if cell.get("cell_type") == "code" else cell


def _without_widgets(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What widgets showed is output too."""
    return {key: value for key, value in metadata.items() if key != "widgets"}


def _failed(cell: Mapping[str, Any]) -> bool:
    outputs = cell.get("outputs")
    return isinstance(outputs, list) and any(_table(one).get("output_type") == "error" for one in outputs)


def _tags(cell: Mapping[str, Any]) -> Sequence[Any]:
    tags = _table(cell.get("metadata")).get("tags")
    return tags if isinstance(tags, list) else ()


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

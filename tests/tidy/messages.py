"""The codes of messages in the sources, for the catalogue; and the pages that are made from the catalogue."""

import ast
import re
import shlex
from collections.abc import Iterator, Mapping

from launchyard.model.refusals import REFUSALS, Entry
from launchyard.policy.waits import WAITS
from tests.tidy.source import python_files

BY_PLACE = {"Breach", "_Kind", "_coded"}
"""Calls whose first argument is a code."""
OF_ENDS = {"Diagnosis", "Symptom"}
"""Codes of why a job ended: `policy.causes` has those."""
CODE = re.compile("[a-z][a-z:_-]*")

REFUSALS_HEAD = """# Refusals

<!-- Made by `make docs` from src/launchyard/model/refusals.py; change that file, not this one. -->

What `ly`, the portal and the API say when something is refused is one sentence: what is wrong, with the
value, and what to do. Each kind of sentence has a code that does not change: the API's problem documents
have it as `code`, and their `type` leads to the same text (`GET /v1/errors/CODE`). Ids and names in the
commands are examples.
"""

WAITS_HEAD = """# Why a job waits

`ly why JOB` says it in a sentence with numbers, and `ly jobs --json` has the code of it in `reason`.
It ends with the address at which the portal has the same as here, for the code of this job; programs have it
from `GET /v1/errors/wait:CODE` (`type` in `ly why --json`). Ids and names in the commands are examples.
"""


def refusals_page() -> str:
    """docs/reference/refusals.md"""
    return f"{REFUSALS_HEAD}{''.join(_entries(REFUSALS))}"


def waits_page() -> str:
    """docs/reference/waiting.md"""
    return WAITS_HEAD.replace("\n\n", f"\n\n{MADE}\n\n", 1) + "".join(_entries(WAITS))


MADE = "<!-- Made by `make docs` from src/launchyard/policy/waits.py; change that file, not this one. -->"


def _entries(table: Mapping[str, Entry]) -> Iterator[str]:
    for code, entry in table.items():
        yield f"\n## {code}\n\n{entry.meaning}\n\n*What helps:* {entry.help}\n\n    {entry.command}\n"


def codes() -> tuple[set[str], set[str]]:
    """The codes that refusals and reasons bear in the sources."""
    refusals: set[str] = set()
    reasons: set[str] = set()
    for source in python_files():
        if not source.name.startswith("src/launchyard/"):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call):
                _of_call(node, refusals, reasons)
            elif isinstance(node, ast.Assign):
                refusals |= _assigned(node)
    return {_without_field(code) for code in refusals}, reasons


def _of_call(node: ast.Call, refusals: set[str], reasons: set[str]) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name in OF_ENDS:
        return
    into = reasons if name == "Reason" else refusals
    for keyword in node.keywords:
        if keyword.arg == "code":
            into |= _words(keyword.value)
    if name in BY_PLACE and node.args:
        refusals |= _words(node.args[0])


def _assigned(node: ast.Assign) -> set[str]:
    """`code = "..."`, in a class or a function."""
    named = [target.id for target in node.targets if isinstance(target, ast.Name)]
    return _words(node.value) if named == ["code"] else set()


def _words(node: ast.expr) -> set[str]:
    if isinstance(node, ast.IfExp):
        return _words(node.body) | _words(node.orelse)
    if isinstance(node, ast.JoinedStr):
        first = node.values[0]
        return _words(first) if isinstance(first, ast.Constant) else set()
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return set()
    return {node.value} if CODE.fullmatch(node.value) else set()


def _without_field(code: str) -> str:
    return code.partition(":")[0]


def typed(table: Mapping[str, Entry]) -> Iterator[tuple[str, list[str]]]:
    """The commands of a catalogue by code, in words."""
    for code, entry in table.items():
        yield code, shlex.split(entry.command)

"""The sentence of a cause: a template of `policy.symptoms` with the values of the job and of the log."""

import posixpath
import re
from collections.abc import Callable, Mapping

from launchyard.model.memory import humane_memory
from launchyard.model.resources import format_cpus
from launchyard.policy.amounts import memory_may_be_short
from launchyard.policy.case import Case, path_of, script_of

WORD_MAX = 200


def sentence_of(template: str, case: Case, following: str) -> str:
    """The template with its values; what is not known is left out. `following` is the log's next line."""
    values = {name: _cut(word) for name, word in case.words.items()}
    for name in _FIELDS.findall(template):
        if name in MADE:
            values[name] = _cut(MADE[name](case, following.strip()))
        else:
            values.setdefault(name, "")
    return _BLANKS.sub(" ", template.format_map(values)).strip(" :;,")


_FIELDS = re.compile(r"\{(\w+)\}")
_BLANKS = re.compile(r"  +")


def _cut(word: str) -> str:
    return word if len(word) <= WORD_MAX else word[: WORD_MAX - 1] + "…"


def _count(number: int, noun: str) -> str:
    return f"no {noun}" if not number else f"{number} {noun}{'' if number == 1 else 's'}"


def _cpus(case: Case, following: str) -> str:
    text = format_cpus(case.job.request.cpus_milli)
    return f"{text} CPU{'' if text == '1' else 's'}"


def _memory(case: Case, following: str) -> str:
    return humane_memory(case.job.request.memory_mib) if case.job.request.memory_mib else "no amount of it"


def _in_directory(case: Case, following: str) -> str:
    """Where a relative path was looked for."""
    path = path_of(case)
    return f" in {case.job.working_dir}" if path and not path.startswith(("/", "~")) else ""


def _on_path(case: Case, following: str) -> str:
    name = case.words.get("name") or case.words.get("program") or ""
    return "" if "/" in name else " on PATH"


def _what(case: Case, following: str) -> str:
    """What a C++ exception says for itself stands on the next line."""
    return following.partition("what():")[2].strip()


def _next_if_place(case: Case, following: str) -> str:
    return following if case.words.get("place") else ""


def _next_if_where(case: Case, following: str) -> str:
    return following if case.words.get("where") else ""


def _at_where(case: Case, following: str) -> str:
    return f" at {case.words['where']}" if case.words.get("where") else ""


def _next_if_bare(case: Case, following: str) -> str:
    return "" if case.words.get("text") else following


def _at_place(case: Case, following: str) -> str:
    return f" at {case.words['place']}" if case.words.get("place") else ""


def _place_of_syntax(case: Case, following: str) -> str:
    return f"{case.words['place']}: " if case.words.get("place") else ""


def _to_path(case: Case, following: str) -> str:
    return f": {case.words['path']} cannot be written" if case.words.get("path") else ""


def _memory_full(case: Case, following: str) -> str:
    return ", as when the machine's memory is full" if memory_may_be_short(case.job) else ""


def _script_name(case: Case, following: str) -> str:
    return posixpath.basename(script_of(case)) or "the script"


MADE: Mapping[str, Callable[[Case, str], str]] = {
    "gpus": lambda case, following: _count(case.job.request.gpus, "GPU"),
    "cpus": _cpus,
    "memory": _memory,
    "directory": lambda case, following: case.job.working_dir,
    "in_directory": _in_directory,
    "on_path": _on_path,
    "to_path": _to_path,
    "at_place": _at_place,
    "at_where": _at_where,
    "next_if_where": _next_if_where,
    "place_of_syntax": _place_of_syntax,
    "memory_full": _memory_full,
    "script_name": _script_name,
    "what": _what,
    "next": lambda case, following: following,
    "next_if_place": _next_if_place,
    "next_if_bare": _next_if_bare,
}

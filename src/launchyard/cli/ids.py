"""Job ids as people type them: `12`, `14-16`, `20_3`, `20_[1-5,9]`."""

from collections.abc import Iterable

from launchyard.model.array import parse_indexes
from launchyard.model.errors import Invalid
from launchyard.model.number import is_digits, shown

IDS_MAX = 10_000


def parse_ids(texts: Iterable[str]) -> list[str]:
    """The ids named, in order and once each, as routes take them. Raises `Invalid`."""
    ids: dict[str, None] = {}
    for text in texts:
        for word in _words(text):
            for one in _expand(word, IDS_MAX - len(ids)):
                ids[one] = None
    if not ids:
        raise Invalid("no job is named; write ids such as 12, 14-16 or 20_3")
    return list(ids)


def _words(text: str) -> list[str]:
    """Parts between commas that are not within brackets."""
    words, depth = [""], 0
    for char in text.strip():
        depth += (char == "[") - (char == "]")
        if char == "," and depth == 0:
            words.append("")
        else:
            words[-1] += char
    return [word for word in words if word]


def _expand(word: str, room: int) -> list[str]:
    job, underscore, tasks = word.partition("_")
    if underscore and is_digits(job):
        inner = tasks[1:-1] if tasks[:1] == "[" and tasks[-1:] == "]" else tasks
        indexes, _ = parse_indexes(inner)
        _check_room(word, len(indexes), room)
        return [f"{job}_{index}" for index in indexes]
    first, dash, last = word.partition("-")
    if not is_digits(first) or (dash and not is_digits(last)):
        raise Invalid(f"{shown(word)} is not a job's id; write for example 12, 14-16 or 20_3")
    if not dash:
        return [str(int(first))]
    if int(last) < int(first):
        raise Invalid(f"{shown(word)} goes backwards; write {int(last)}-{int(first)}")
    _check_room(word, int(last) - int(first) + 1, room)
    return [str(job_id) for job_id in range(int(first), int(last) + 1)]


def _check_room(word: str, count: int, room: int) -> None:
    if count > room:
        raise Invalid(f"{shown(word)} names {count} jobs; at most {IDS_MAX} can be named at once")

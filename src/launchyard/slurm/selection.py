"""Which jobs and steps `-j` names: `12`, `12+1`, `12.batch`, `31_4.0`, `31_[2-4,7]`; commas between them."""

from collections.abc import Iterable
from itertools import islice

from launchyard.slurm.indexes import read_spans, written_out

DIGITS_MAX = 15
INDEXES_MAX = 100_000
_NAMED = ("batch", "extern", "interactive")


class BadSelection(ValueError):
    """One sentence as the real commands say it."""


class Selection:
    """`steps`: the suffixes wanted by job as it was named; None: the job with all its steps.

    `by_part`: `12+1` is that part of a job of unlike parts; else it is the job, as sstat reads it.
    """

    def __init__(self, text: str, *, by_part: bool = True) -> None:
        self._by_part = by_part
        self.steps: dict[str, set[str] | None] = {}
        self._parts: set[str] = set()
        self._whole: set[str] = set()
        for word in filter(None, (part.strip() for part in split(text))):
            self._add(word)

    def _add(self, word: str) -> None:
        name, dot, step = word.partition(".")
        id, underscore, rest = name.partition("_")
        if not _is_number(id.partition("+")[0]):
            raise BadSelection(f"Bad job/step specified: {word}")
        if "+" in id and not self._by_part:
            id = id.partition("+")[0]
        elif "+" in id:
            # A part of a job has an id of its own.
            first, _, part = id.partition("+")
            id = str(int(first) + int(part[:3])) if _is_number(part) else first
            self._parts.add(id)
        else:
            self._whole.add(id)
        if dot and step not in _NAMED and not _is_number(step):
            raise BadSelection(f"Bad step specified: {name}")
        for one in _elements(id, rest) if underscore else (id,):
            known = self.steps.setdefault(one, set())
            if not dot:
                self.steps[one] = None
            elif known is not None:
                known.add(f".{step}")

    def is_part(self, id: str) -> bool:
        """Whether only the part of a job with this id is meant (`12+0`), and not all of the job."""
        return id in self._parts and id not in self._whole

    def wanted(self, job_ids: Iterable[str]) -> set[str] | None:
        """The steps wanted of a job known by any of these ids; None: the job and all of them."""
        found: set[str] = set()
        for id in job_ids:
            steps = self.steps.get(id, set())
            if steps is None:
                return None
            found |= steps
        return found


def split(text: str) -> list[str]:
    """At the commas that are not inside brackets."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if character == "," and depth <= 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def _elements(id: str, text: str) -> list[str]:
    """`31_4` of `4`, `31_2`, `31_3`, `31_4` of `[2-4]`."""
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    inside = inside.partition("%")[0]
    try:
        found = [f"{id}_{index}" for index in islice(written_out(read_spans(inside)), INDEXES_MAX + 1)]
    except ValueError:
        found = []
    if not 0 < len(found) <= INDEXES_MAX:
        raise BadSelection(f"Bad job array element specified: {id}")
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX

"""How Slurm names jobs on a command line: `12`, `12_3`, `12_[1-3,5]`, `12.0`, `12_3.batch`, `1,2`."""

from launchyard.model.light import NamedTuple

TASKS_MAX = 100_000
BATCH = "batch"


class Named(NamedTuple):
    """`refs` as our server names them; `step`: a number, `batch`, or None for the whole job."""

    text: str
    refs: list[str]
    step: str | None = None


def read(text: str) -> Named | None:
    """One job, or some tasks of an array; None when it is no such name."""
    whole, dot, step = text.partition(".")
    if dot and not (_number(step) or step in (BATCH, "extern", "interactive")):
        return None
    job, under, tasks = whole.partition("_")
    job, _, component = job.partition("+")
    if not _number(job) or int(job) == 0 or (component and not _number(component)):
        return None
    if component and int(component):
        return Named(text, [str(int(job) + int(component))], step or None)
    if not under or not tasks:
        return Named(text, [job], step or None)
    if _number(tasks):
        return Named(text, [f"{job}_{int(tasks)}"], step or None)
    indexes = _indexes(tasks)
    return None if indexes is None else Named(text, [f"{job}_{one}" for one in indexes], step or None)


def read_list(text: str) -> list[Named] | str:
    """All in a list with commas between them; what is none of them comes back as it was written."""
    found = []
    for word in words(text):
        one = read(word)
        if one is None:
            return word
        found.append(one)
    return found


def words(text: str) -> list[str]:
    """Divided at the commas outside of brackets."""
    found, depth, begin = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth <= 0:
            found.append(text[begin:at])
            begin = at + 1
    return [word for word in [*found, text[begin:]] if word]


def _number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10


def _indexes(text: str) -> list[int] | None:
    """`[1-3,7]`, `1-3`, with a step `1-9:2` too."""
    if text.startswith("[") != text.endswith("]"):
        return None
    found: list[int] = []
    for part in text.strip("[]").split(","):
        ends, _, step = part.partition(":")
        first, dash, last = ends.partition("-")
        if not _number(first) or (dash and not _number(last)) or (step and not (_number(step) and int(step))):
            return None
        span = range(int(first), int(last if dash else first) + 1, int(step or 1))
        if len(found) + len(span) > TASKS_MAX:
            return None
        found += span
    return found

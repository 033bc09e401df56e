"""Where a step's output goes and its input comes from: `all`, `none`, a rank, or a file with patterns."""

from collections.abc import Mapping

from launchyard.model.light import NamedTuple

ALL, NONE, RANK, FILE = "all", "none", "rank", "file"
WIDTH_MAX = 10
_NUMBERS = "AajnrstJ"


class Way(NamedTuple):
    """`rank` for RANK, `name` for FILE (patterns in it)."""

    kind: str
    rank: int = 0
    name: str = ""


class Place(NamedTuple):
    """Whose file it is: `letters` that a whole step shares, and rank and node of one task."""

    letters: Mapping[str, str]
    rank: int
    node: str
    position: int


def way_of(text: str | None) -> Way:
    """What `-o`, `-e` or `-i` says; nothing is `all`."""
    if not text or text.lower() == ALL:
        return Way(ALL)
    if text.lower() == NONE:
        return Way(NONE)
    if text.isascii() and text.isdigit() and len(text) < 7:
        return Way(RANK, rank=int(text))
    return Way(FILE, name=text)


def step_letters(environ: Mapping[str, str], job: int, step: int, user: str, name: str) -> dict[str, str]:
    """The pattern letters that are the same for all tasks of a step."""
    return {
        "A": environ.get("SLURM_ARRAY_JOB_ID", str(job)),
        "a": environ.get("SLURM_ARRAY_TASK_ID", "4294967294"),
        "j": str(job),
        "J": f"{job}.{step}",
        "s": str(step),
        "u": user.replace("/", "_"),
        "x": name.replace("/", "_"),
    }


def file_name(pattern: str, place: Place) -> str:
    """The name for one task; a backslash switches patterns off, unknown letters stay as they are."""
    if "\\" in pattern:
        return pattern.replace("\\", "")
    node = place.node.partition(".")[0]
    letters = {**place.letters, "t": str(place.rank), "n": str(place.position), "N": node}
    done, position = "", 0
    while (start := pattern.find("%", position)) >= 0:
        done += pattern[position:start]
        end = start + 1
        while end < len(pattern) and pattern[end].isdigit() and end - start <= 2:
            end += 1
        width, letter = pattern[start + 1 : end], pattern[end : end + 1]
        done += _filled(width, letter, letters)
        position = end + 1
    return done + pattern[position:]


def _filled(width: str, letter: str, letters: Mapping[str, str]) -> str:
    if letter == "%" and not width:
        return "%"
    value = letters.get(letter)
    if value is None:
        return f"%{width}{letter}"
    return value.zfill(min(int(width), WIDTH_MAX)) if width and letter in _NUMBERS else value

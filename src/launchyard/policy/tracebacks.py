"""Tracebacks of Python in a log: which exception ended the program, behind wrappers and prefixes of ranks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from launchyard.policy.logtext import LogText

HEAD = "Traceback (most recent call last)"
BLOCKS_MAX = 40
FRAMES_MAX = 2000
_EXCEPTION = re.compile(r"^(?P<type>[A-Za-z_][\w.]{0,200})(?:: ?(?P<message>.*))?$")
_FRAME = re.compile(r'^ *File "(?P<path>[^"]+)", line (?P<number>\d+)(?:, in (?P<function>\S+))?')
_LIBRARY = re.compile(r"/(?:site|dist)-packages/|/lib(?:64)?/python3|^<frozen")
_WRAPPERS = frozenset(
    {
        "ChildFailedError",
        "ProcessRaisedException",
        "ProcessExitedException",
        "CalledProcessError",
        "RemoteTraceback",
        "BrokenProcessPool",
        "RayTaskError",
        "WorkerCrashedError",
        "ActorDiedError",
        "KeyboardInterrupt",
        "SystemExit",
    }
)
"""They say that something else failed."""

_CHAINS = (
    "The above exception was the direct cause of",
    "During handling of the above exception",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """One exception: `type` without its module, the line that names it, and the frames above it."""

    type: str
    message: str
    line: str
    frames: tuple[str, ...]
    number: int = -1
    """Of `line`, in the log."""
    chained: bool = False
    """It was raised while or because the one before it in the log was."""

    @property
    def wrapper(self) -> bool:
        """It only says that something else failed."""
        return self.type in _WRAPPERS

    def passed(self, *words: str) -> bool:
        """Whether one of the words is in the frames."""
        return any(word in frame for frame in self.frames for word in words)

    @property
    def place(self) -> str:
        """File and line of the innermost frame: `train.py line 3`, or nothing."""
        return place_in(self.frames)[1]

    @property
    def source(self) -> str:
        """The file of the innermost frame."""
        return place_in(self.frames)[0]


def place_in(frames: Sequence[str]) -> tuple[str, str]:
    """The innermost frame outside libraries: its file, and what a person says: `train.py line 3`."""
    found = [match for frame in frames if (match := _FRAME.match(frame)) is not None]
    own = [match for match in found if not _LIBRARY.search(match["path"])]
    for match in reversed(own or found):
        return match["path"], f"{match['path'].rpartition('/')[2]} line {match['number']}"
    return "", ""


def raised(log: LogText) -> list[Raised]:
    """The exceptions whose tracebacks the log has, the likely cause first: wrappers go behind."""
    found: list[Raised] = []
    for number in log.lines_with(HEAD, last_first=True, lowest=0, most=BLOCKS_MAX):
        one = _read(log.lines, number)
        if one is not None:
            found.append(one)
    return sorted(found, key=lambda one: one.wrapper)


def bare(line: str) -> Raised:
    """An exception of which the log has the last line alone."""
    type, _, message = line.removeprefix("Uncaught ").partition(":")
    return Raised(type=type.rpartition(".")[2], message=message.strip(), line=line, frames=())


def _read(lines: list[str], head: int) -> Raised | None:
    """The block that begins at `head`. A prefix of that line (`[rank0]: `) is taken off the others too."""
    prefix = lines[head].partition(HEAD)[0]
    frames: list[str] = []
    for number, raw in enumerate(lines[head + 1 : head + 1 + FRAMES_MAX], start=head + 1):
        line = raw.removeprefix(prefix)
        if line.startswith((" ", "\t", "[Previous line")) or (prefix and raw == line and _FRAME.match(line)):
            frames.append(line)
            continue
        match = _EXCEPTION.match(line[:600])
        if match is None or not frames:
            return None
        return Raised(
            type=match["type"].rpartition(".")[2],
            message=(match["message"] or "").strip(),
            line=line,
            frames=tuple(frames),
            number=number,
            chained=head > 0 and lines[head - 1].removeprefix(prefix).startswith(_CHAINS),
        )
    return None

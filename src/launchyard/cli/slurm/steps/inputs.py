"""What the tasks read: srun's standard input or files, sent no faster than they read it."""

import os

from launchyard.cli.slurm.main import Refused
from launchyard.model.light import NamedTuple
from launchyard.slurm.stepfiles import ALL, FILE, NONE, Place, Way, file_name

READ_BYTES = 64 * 1024


class Source(NamedTuple):
    """A file descriptor to read, and the rank it is for; -1: all."""

    fd: int
    rank: int

    def read(self) -> bytes | None:
        """What is there now: empty at its end, None when there is nothing yet."""
        try:
            return os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            # Closed, or a terminal that is not ours at the moment.
            return b""


def sources(way: Way, places: list[Place]) -> list[Source]:
    """Raises `Refused` for a file that cannot be read."""
    if way.kind == ALL:
        return [Source(0, -1)]
    if way.kind == NONE:
        return []
    if way.kind != FILE:
        return [Source(0, way.rank)]
    names = [file_name(way.name, place) for place in places]
    if len(set(names)) == 1:
        return [Source(_opened(names[0]), -1)]
    return [Source(_opened(name), place.rank) for name, place in zip(names, places, strict=True)]


def has_input(way: Way, rank: int) -> bool:
    """Whether a task gets a standard input from srun."""
    return way.kind in (ALL, FILE) or (way.kind != NONE and way.rank == rank)


def _opened(name: str) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(f"error: Could not open stdin file {name}: {error.strerror}") from None

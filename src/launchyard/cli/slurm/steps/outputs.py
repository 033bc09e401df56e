"""Where what the tasks write goes: srun's own streams or files, labelled and by whole lines where asked."""

import os
from collections.abc import Callable

from launchyard.cli.slurm.main import Refused
from launchyard.model.light import NamedTuple
from launchyard.slurm.stepfiles import ALL, FILE, RANK, Place, Way, file_name

LINE_MAX = 64 * 1024
"""A line that is longer is written in parts."""


class Gone(Exception):
    """Whoever read srun's output does not any more."""


class Look(NamedTuple):
    """How output looks. `whole_lines`: parts of a line wait for its end; `label`: it begins with the rank."""

    label: bool
    whole_lines: bool
    width: int
    """Of the labels."""


class Stream:
    """One task's standard output or error on its way to a file descriptor; -1: nowhere."""

    def __init__(self, fd: int, rank: int, look: Look) -> None:
        self._fd = fd
        self._look = look
        self._label = f"{rank:>{look.width}}: ".encode() if look.label else b""
        self._part = b""

    def write(self, data: bytes) -> None:
        """Raises `Gone`."""
        if self._fd < 0:
            return
        if not data:
            self._end()
        elif not self._look.whole_lines:
            write_all(self._fd, data)
        else:
            self._lines(self._part + data)

    def _lines(self, data: bytes) -> None:
        end = data.rfind(b"\n") + 1
        if not end and len(data) < LINE_MAX:
            self._part = data
            return
        whole, self._part = (data[:end], data[end:]) if end else (data, b"")
        if self._label:
            lines = whole.split(b"\n") if not end else whole[:-1].split(b"\n")
            whole = b"".join(self._label + line + b"\n" for line in lines)
        write_all(self._fd, whole)

    def _end(self) -> None:
        if self._part:
            part, self._part = self._part, b""
            write_all(self._fd, self._label + part + b"\n" if self._label else part)


class Outputs:
    """All streams of a step, by rank."""

    def __init__(self, look: Look, out: Way, err: Way, append: bool) -> None:
        self._look = look
        self._ways = (out, err)
        self._flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_APPEND | (0 if append else os.O_TRUNC)
        self._files: dict[str, int] = {}
        self._streams: dict[tuple[int, bool], Stream] = {}

    def open(self, place: Place) -> None:
        """Before the step starts: where one task writes. Raises `Refused`."""
        for errors, way in enumerate(self._ways):
            fd = self._fd(way, place, 2 if errors else 1)
            self._streams[place.rank, bool(errors)] = Stream(fd, place.rank, self._look)

    def write(self, rank: int, data: bytes, *, errors: bool) -> None:
        """What came; empty: it was all. Raises `Gone`."""
        stream = self._streams.get((rank, errors))
        if stream is not None:
            stream.write(data)

    def end(self) -> None:
        """Parts of lines that are left."""
        for stream in self._streams.values():
            stream.write(b"")

    def _fd(self, way: Way, place: Place, own: int) -> int:
        if way.kind == ALL:
            return own
        if way.kind == RANK:
            return own if place.rank == way.rank else -1
        if way.kind != FILE:
            return -1
        name = file_name(way.name, place)
        if name not in self._files:
            try:
                self._files[name] = os.open(name, self._flags, 0o666)
            except OSError as error:
                raise Refused(f"error: Could not open {name} for writing: {error.strerror}") from None
        return self._files[name]


def write_all(fd: int, data: bytes) -> None:
    """Raises `Gone` when nobody reads it, or it cannot be written."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except BlockingIOError:
        os.set_blocking(fd, True)
        write_all(fd, bytes(view))
    except OSError as error:
        raise Gone(error.strerror) from None


Say = Callable[[str], None]

"""What srun and its runners say to each other over srun's socket: the only definition.

A frame is a length, a kind, a task's rank (-1: none, or all) and its data: bytes as they are, or JSON.
The runner begins with HELLO, srun answers with LAUNCH (or, to one that only holds an allocation, with END).
Texts of JSON frames are written as `os.fsdecode` gives them, so bytes that are no UTF-8 survive.
"""

import json
import struct
from typing import Any, NamedTuple

# From the runner.
HELLO = 1
"""{"node", "position", "step", "pid", "environment"}: who is there; `environment` only of a holder."""
STARTED = 2
"""{rank: pid, ...}"""
OUTPUT = 3
ERRORS = 4
"""What a task wrote; empty: it will write no more."""
EXITED = 5
"""{"status": wait status, "cpu_s", "memory_peak_mib", "oom": kills for want of memory} of a task."""
TAKEN = 6
"""{"bytes": n}: so much of INPUT has gone to the tasks; srun keeps the rest short."""
FINISHED = 7
"""The node's tasks have ended and everything they wrote was sent."""
SIGNALLED = 8
"""{"signal": n}: somebody else than srun sent it to the tasks."""

# From srun.
LAUNCH = 20
"""An order: see `launchyard.runner.order`."""
INPUT = 21
"""For a task's (-1: every task's) standard input; empty: its end."""
SIGNAL = 22
"""{"signal": n, "grace_s": seconds or null}: to every task; after the grace KILL."""
SIZE = 23
"""{"rows", "columns"} of the person's terminal."""
END = 24
"""{"exit_code": n, "signal": n or null}: how a holder is to end."""

# From an observer (sattach) to srun, and back: a copy of OUTPUT and ERRORS.
OBSERVE = 40
"""{"input": bool}: let me see what the tasks write; `input`: what I send as INPUT is theirs."""

FRAME_MAX = 64 * 1024 * 1024
_HEAD = struct.Struct(">IBi")


class BrokenStream(ValueError):
    """The peer sent what is not a frame."""


class Frame(NamedTuple):
    """One frame; `task` is a rank or -1."""

    kind: int
    task: int
    data: bytes

    def object(self) -> dict[str, Any]:
        """The data as a JSON object. Raises `BrokenStream`."""
        try:
            value = json.loads(self.data)
        except (ValueError, RecursionError):
            raise BrokenStream("a frame's data is not JSON") from None
        if not isinstance(value, dict):
            raise BrokenStream("a frame's data is not an object")
        return value


def frame(kind: int, data: bytes = b"", task: int = -1) -> bytes:
    """The frame as it is sent."""
    return _HEAD.pack(len(data), kind, task) + data


def told(kind: int, value: dict[str, Any], task: int = -1) -> bytes:
    """A frame whose data is JSON."""
    return frame(kind, json.dumps(value, separators=(",", ":")).encode(), task)


class Reader:
    """Cuts a stream into frames; keeps what is incomplete for the next `feed`."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """All frames that `data` completes. Raises `BrokenStream`."""
        self._data += data
        frames: list[Frame] = []
        position = 0
        while len(self._data) - position >= _HEAD.size:
            length, kind, task = _HEAD.unpack_from(self._data, position)
            if length > FRAME_MAX:
                raise BrokenStream(f"a frame of {length} bytes is longer than the {FRAME_MAX} allowed")
            end = position + _HEAD.size + length
            if len(self._data) < end:
                break
            frames.append(Frame(kind, task, bytes(self._data[position + _HEAD.size : end])))
            position = end
        del self._data[:position]
        return frames

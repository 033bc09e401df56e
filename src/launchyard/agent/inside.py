"""The far end of a way into a running job: helpers of its user's, for whoever holds our standard streams.

The engine's own command has started us inside the job (`srun --overlap`), so we are in its limits and end
with it. Nothing listens: what comes and goes are frames on standard input and output.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading

from launchyard.agent.agent import leads_nowhere_else
from launchyard.agent.frames import Broken
from launchyard.agent.streams import Streams
from launchyard.launcher.messages import package_argv

HELPER = "helper"
"""What a stream is opened to."""
READY = b"launchyard: inside\n"
"""Said once, before the first frame; what was printed before it is somebody else's."""
PIECE_BYTES = 1 << 20
_LENGTH = struct.Struct(">I")
_END = b"\n"
"""After each piece: Slurm passes on whole lines, and keeps what comes after the last one."""


def main() -> None:
    """Until nobody holds the other end any more."""
    incoming, outgoing = os.dup(0), os.dup(1)
    # What is printed by mistake must not come between the frames.
    os.dup2(2, 1)
    silent = os.open(os.devnull, os.O_RDONLY)
    os.dup2(silent, 0)
    # We are killed with the job: nothing that has a name may be left behind.
    carry(incoming, outgoing, tempfile.gettempdir())
    os._exit(0)


def carry(incoming: int, outgoing: int, directory: str) -> None:
    """`directory` holds files while they come, without names."""
    streams = Streams(1, directory, connect, leads_nowhere_else)
    write_all(outgoing, READY)
    threading.Thread(target=_carry_out, args=(streams, outgoing), daemon=True).start()
    with contextlib.suppress(OSError):
        while data := os.read(incoming, PIECE_BYTES):
            streams.feed(data)
    streams.close()


def _carry_out(streams: Streams, outgoing: int) -> None:
    with contextlib.suppress(OSError):
        while not streams.closed:
            if data := streams.take(PIECE_BYTES, 60.0):
                write_all(outgoing, piece(data))
    # Nobody hears us any more.
    os._exit(0)


def connect(what: str) -> socket.socket:
    """A helper of this user, here."""
    if what != HELPER:
        raise ConnectionRefusedError(what)
    ours, theirs = socket.socketpair()
    python, *options, code = package_argv("launchyard.helper.main", sys.executable)
    there = theirs.fileno()
    process = subprocess.Popen(
        [python, *options, f"import os; os.dup2({there}, 3); {code}"],
        stdin=subprocess.DEVNULL,
        pass_fds=(there,),
        start_new_session=True,
    )
    theirs.close()
    threading.Thread(target=process.wait, daemon=True).start()
    return ours


def piece(data: bytes) -> bytes:
    """As it goes out."""
    return _LENGTH.pack(len(data)) + data + _END


class Pieces:
    """Takes pieces apart at the other end."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> bytes:
        """What `data` completes. Raises `Broken` for what nobody of ours has made."""
        self._data += data
        found = []
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            if length > PIECE_BYTES:
                raise Broken(f"a piece of {length} bytes")
            end = _LENGTH.size + length
            if len(self._data) <= end:
                break
            found.append(bytes(self._data[_LENGTH.size : end]))
            del self._data[: end + len(_END)]
        return b"".join(found)


def write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


if __name__ == "__main__":
    main()

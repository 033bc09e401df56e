"""The socket that runners connect to: in a private directory, for this user alone."""

import contextlib
import os
import signal
import socket
import struct

PATH_BYTES_MAX = 107
_PLACES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - the directory made below them is private
_CREDENTIALS = struct.Struct("3i")


class Listener:
    """`path` is what runners are told. Close it to remove what was made."""

    def __init__(self) -> None:
        self._directory = _made()
        self.path = f"{self._directory}/s"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(self.path)
        self._socket.listen(128)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def accept(self) -> socket.socket | None:
        """The next one of this user, or of root."""
        try:
            accepted, _ = self._socket.accept()
        except OSError:
            return None
        _, uid, _ = _CREDENTIALS.unpack(accepted.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in (0, os.getuid()):
            accepted.close()
            return None
        return accepted

    def close(self) -> None:
        self._socket.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        with contextlib.suppress(OSError):
            os.rmdir(self._directory)


def _made() -> str:
    own = os.environ.get("TMPDIR", "")
    places = [own] if own and len(os.fsencode(own)) < PATH_BYTES_MAX - len("/ly-srun-12345678/s") else []
    for place in (*places, *_PLACES):
        directory = f"{place}/ly-srun-{os.urandom(4).hex()}"
        try:
            os.mkdir(directory, 0o700)
        except OSError:
            continue
        return directory
    raise OSError("no directory for a socket could be made below /tmp")


def interruptible() -> None:
    """TERM and HUP while we wait are as Ctrl-C: nothing is left behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)

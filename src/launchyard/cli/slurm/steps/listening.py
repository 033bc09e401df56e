"""The socket that runners connect to: in a private directory, for this user alone."""

import contextlib
import os
import signal
import socket
import struct
import time

PATH_BYTES_MAX = 107
_PLACES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - the directory made below them is private
_PREFIX = "ly-srun-"
_NEW_S = 60.0
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
    for place in (*_of_the_job(), *_PLACES):
        if place in _PLACES:
            _remove_left(place)
        directory = f"{place}/{_PREFIX}{os.urandom(4).hex()}"
        try:
            os.mkdir(directory, 0o700)
        except OSError:
            continue
        return directory
    raise OSError("no directory for a socket could be made below /tmp")


def _of_the_job() -> list[str]:
    """Ways to the job's private TMPDIR, which is gone after the job whatever becomes of us."""
    most = PATH_BYTES_MAX - len(f"/{_PREFIX}12345678/s")
    ways = (os.environ.get("TMPDIR", ""), os.environ.get("LAUNCHYARD_TMPDIR", ""))
    return [way for way in ways if way and len(os.fsencode(way)) <= most]


def _remove_left(place: str) -> None:
    """What others of this user left that were killed: nobody listens there."""
    with contextlib.suppress(OSError):
        for name in os.listdir(place):
            directory = f"{place}/{name}"
            if name.startswith(_PREFIX) and os.lstat(directory).st_uid == os.getuid() and _is_left(directory):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{directory}/s")
                os.rmdir(directory)


def _is_left(directory: str) -> bool:
    if time.time() - os.lstat(directory).st_mtime < _NEW_S:
        # One that has just been made listens in a moment.
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(f"{directory}/s")
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except OSError:
            return False
    return False


def interruptible() -> None:
    """TERM and HUP while we wait are as Ctrl-C: nothing is left behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)

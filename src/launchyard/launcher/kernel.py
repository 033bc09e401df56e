"""Linux calls that Python 3.11 does not have, and the clock that counts through suspend."""

import array
import contextlib
import ctypes
import fcntl
import os
import struct
import time

_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_GET_NO_NEW_PRIVS = 39
# _IOWR(0xFF, 11, struct pidfd_info), first version of the structure: 64 bytes, Linux 6.13; exits since 6.15.
_PIDFD_GET_INFO = (3 << 30) | (64 << 16) | (0xFF << 8) | 11
_PIDFD_INFO_EXIT = 1 << 3
_PIDFD_INFO = struct.Struct("QQ12i")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
_libc.signal.restype = ctypes.c_void_p
_prctl = _libc.prctl


def become_subreaper() -> None:
    """Orphaned descendants become children of this process instead of pid 1's."""
    _check(_prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def forbid_new_privileges() -> None:
    """From here on no exec gives this process or its children more rights (setuid programs)."""
    _check(_prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if _prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1:
        raise OSError("no_new_privs did not hold")


def default_signal(number: int) -> None:
    """Set a signal's default disposition, past Python: its own call touches many pages of a fresh child."""
    _libc.signal(number, None)


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def exit_status_by(pidfd: int) -> int | None:
    """The wait status of a process that somebody else reaped; None where the kernel does not tell."""
    info = array.array("B", _PIDFD_INFO.pack(_PIDFD_INFO_EXIT, 0, *[0] * 12))
    with contextlib.suppress(OSError):
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, info, True)
        fields = _PIDFD_INFO.unpack(info)
        if fields[0] & _PIDFD_INFO_EXIT:
            return int(fields[-1])
    return None


_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def boot_clock() -> float:
    """Seconds since boot, suspend included; no setting of the date moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_ticks() -> int:
    """The boot clock in the ticks of /proc/PID/stat, rounded as the kernel rounds a process's start time."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) * _TICKS_PER_S // 1_000_000_000


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def write_text(path: str, text: str) -> None:
    """Write to an existing (kernel) file in one call: cheaper than `open` for files below /sys and /proc."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def read_bytes(path: str, limit: int = 65536) -> bytes:
    """The first `limit` bytes of a file; for files of the kernel that is one consistent reading."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, limit)
    finally:
        os.close(fd)

"""Opening what a job reads from and writes to, in the forked child. Nobody but this child waits for it.

Files in the spool lie in directories of the launcher's own and are made while the child still has its rights;
files that the user named are opened with the user's rights only.
"""

import contextlib
import errno
import fcntl
import os
import stat
import termios
import time

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
}
_ADVICE = "name a regular file"
FOLDER_WAIT_S = 2.0
_LATER = (errno.EMFILE, errno.ENFILE)
"""The launcher itself has too many open files: an `OSError` then, which is no fault of the launch."""


class SetupFailed(Exception):
    """The launch cannot be carried out; the text is the one sentence that its owner reads."""


def open_spool_file(directory: str, name: str, *, uid: int, gid: int) -> int:
    """A log in the spool, of the user but in a directory where only the launcher can place files."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fd = os.open(name, flags | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
            if os.geteuid() == 0:
                os.fchown(fd, uid, gid)
        except FileExistsError:
            fd = os.open(name, flags, dir_fd=folder)
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != uid or found.st_nlink != 1:
                raise SetupFailed(
                    f"the log file '{name}' in the spool is not ours; tell the operator"
                ) from None
    except OSError as error:
        if error.errno in _LATER:
            raise
        raise SetupFailed(f"cannot make the log file '{name}' in the spool: {reason(error)}") from None
    finally:
        os.close(folder)
    os.set_blocking(fd, True)
    return fd


def write_script(directory: str, name: str, text: bytes, *, uid: int, gid: int) -> str:
    """The job's script, readable and executable by its user only; gives its path."""
    path = os.path.join(directory, name)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o500)
        try:
            while text:
                text = text[os.write(fd, text) :]
            os.fchmod(fd, 0o500)
            if os.geteuid() == 0:
                os.fchown(fd, uid, gid)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno in _LATER:
            raise
        raise SetupFailed(f"cannot write the script into the spool: {reason(error)}") from None
    return path


def open_user_file(what: str, path: str, *, cwd: str, append: bool) -> int:
    """A file that the user named, with the rights that this process has now."""
    path = os.path.join(cwd, path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        fd = _open_when_its_folder_is_there(path, flags)
    except OSError as error:
        raise SetupFailed(f"cannot open the {what} '{path}': {_why_not(path, error)}") from None
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) and not _is_null(found):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise SetupFailed(f"cannot open the {what} '{path}': it is {kind}; {_ADVICE}")
    if not append and stat.S_ISREG(found.st_mode):
        os.ftruncate(fd, 0)
    os.set_blocking(fd, True)
    return fd


def _open_when_its_folder_is_there(path: str, flags: int) -> int:
    """Wait a little for a missing folder: programs name it by the id and make it once they know the id."""
    deadline = time.monotonic() + FOLDER_WAIT_S
    while True:
        try:
            return os.open(path, flags, 0o666)
        except FileNotFoundError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def open_input_file(path: str, *, cwd: str) -> int:
    """A file that the user named to be read, with the rights that this process has now."""
    path = os.path.join(cwd, path)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SetupFailed(f"cannot open the input file '{path}': it does not exist") from None
    except PermissionError:
        raise SetupFailed(f"cannot open the input file '{path}': you may not read it") from None
    except OSError as error:
        raise SetupFailed(f"cannot open the input file '{path}': {reason(error)}") from None
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) and not _is_null(found):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise SetupFailed(f"cannot open the input file '{path}': it is {kind}; {_ADVICE}")
    os.set_blocking(fd, True)
    return fd


def open_terminal(path: str) -> int:
    """The pts that becomes the controlling terminal of this (new) session."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SetupFailed(f"cannot open the terminal '{path}': {reason(error)}") from None
    if not os.isatty(fd):
        raise SetupFailed(f"cannot open the terminal '{path}': it is not a terminal")
    os.set_blocking(fd, True)
    try:
        fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
    except OSError as error:
        raise SetupFailed(f"cannot take the terminal '{path}': {reason(error)}") from None
    return fd


def reason(error: OSError) -> str:
    """The system's words for an error, small, without number or path."""
    return (error.strerror or str(error)).lower()


def _is_null(found: os.stat_result) -> bool:
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == os.makedev(1, 3)


def _why_not(path: str, error: OSError) -> str:
    if error.errno in (errno.ENXIO, errno.EISDIR, errno.ENODEV):
        with contextlib.suppress(OSError):
            kind = _KINDS.get(stat.S_IFMT(os.stat(path).st_mode))
            if kind:
                return f"it is {kind}; {_ADVICE}"
    if error.errno == errno.ENOENT and not os.path.isdir(os.path.dirname(path)):
        return f"directory '{os.path.dirname(path)}' does not exist"
    if error.errno == errno.EACCES:
        return "permission denied; you may not write there"
    return reason(error)

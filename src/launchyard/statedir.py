"""The state directory: what lies where, who owns it, and that one daemon has it at a time.

Root keeps the top and the launcher's part; the daemon's system user has `daemon/` and `run/`. Nobody else can
create or swap anything in it: every directory that root opens by name is writable by its owner alone.
"""

import fcntl
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from launchyard.launcher.messages import SOCKET_MAX_BYTES, SOCKET_NAME
from launchyard.model.errors import Conflict, Invalid

SECRET_BYTES = 32
OF_USERS = ("environments", None, 0o711)
"""Where the launcher makes a private directory for each user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The user that the daemon runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class StateDir:
    """Paths below one state directory; see `prepare` for owners and modes."""

    path: Path

    @property
    def database(self) -> Path:
        return self.path / "daemon" / "launchyard.db"

    @property
    def log(self) -> Path:
        return self.path / "daemon" / "daemon.log"

    @property
    def audit(self) -> Path:
        return self.path / "daemon" / "audit.log"

    @property
    def facts(self) -> Path:
        return self.path / "daemon" / "daemon.json"

    @property
    def api_socket(self) -> Path:
        return self.path / "run" / "api.sock"

    @property
    def spool(self) -> Path:
        return self.path / "spool"

    @property
    def series(self) -> Path:
        return self.path / "daemon" / "series"

    @property
    def notices(self) -> Path:
        return self.path / "daemon" / "notices"

    @property
    def packages(self) -> Path:
        return self.path / "daemon" / "packages"

    @property
    def environments(self) -> Path:
        return self.path / "environments"

    def engine(self, cluster: str, instead: Path | None = None) -> Path:
        """What the engine of a cluster has to know after a restart is here; made where it is missing.

        `instead`: a directory that several servers share.
        """
        directory = (instead or self.path / "daemon" / "engines") / cluster
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory

    def secret(self) -> bytes:
        """The server's own, made at its first start and readable by it alone. Raises `Invalid`."""
        path = self.path / "daemon" / "secret"
        if not path.is_symlink() and not path.exists():
            _write_secret(path)
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
                raise Invalid(f"{path} may be known to others; remove it, and a new one is made")
            secret = os.read(fd, 1024)
        finally:
            os.close(fd)
        if len(secret) < SECRET_BYTES or len(set(secret)) < SECRET_BYTES // 4:
            raise Invalid(f"{path} is too short or too plain for a secret; remove it, and a new one is made")
        return secret

    def prepare(self, owner: Owner) -> None:
        """Make what is missing and refuse what somebody else could have prepared."""
        longest = max(len(os.fsencode(path)) for path in (self.api_socket, self.path / SOCKET_NAME))
        if (over := longest - SOCKET_MAX_BYTES) > 0:
            length = len(os.fsencode(self.path))
            raise Invalid(
                f"the path of the state directory, {self.path}, is {length} bytes long and so too long for "
                f"the sockets in it; name one of at most {length - over} bytes with --state"
            )
        parts = ((".", None, 0o755), ("daemon", owner, 0o700), ("run", owner, 0o755))
        launcher = (("launcher", None, 0o711), ("spool", None, 0o711), ("tmp", None, 0o711), OF_USERS)
        for name, of, mode in parts + launcher:
            _directory(self.path / name, of, mode)

    def lock(self) -> int:
        """Hold the state directory; the answer is the descriptor that holds it. Raises `Conflict`.

        The lock lies on the file itself, so another path to the same directory meets it too.
        """
        fd = os.open(
            self.path / "daemon" / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(fd, 32).decode("ascii", "replace").strip() or "?"
            os.close(fd)
            raise Conflict(
                f"Launchyard already runs on {self.path} (pid {pid}); use it, or stop it with `ly down`",
                code="already-running",
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        return fd


def _write_secret(path: Path) -> None:
    """Whole or not at all."""
    half = path.with_suffix(".new")
    half.unlink(missing_ok=True)
    fd = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, secrets.token_bytes(SECRET_BYTES))
        os.fsync(fd)
    finally:
        os.close(fd)
    half.rename(path)


def _directory(path: Path, owner: Owner | None, mode: int) -> None:
    """Make the directory, or check that it is one of ours that no link stands for."""
    uid, gid = (owner.uid, owner.gid) if owner is not None else (os.geteuid(), os.getegid())
    try:
        path.mkdir(parents=True, mode=mode)
        os.chown(path, uid, gid)
    except FileExistsError:
        pass
    except OSError as error:
        raise Invalid(
            f"cannot make the state directory {path}: {error.strerror}; name another with --state"
        ) from None
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise Invalid(f"{path} is not a directory; move it aside or name another with --state")
    if found.st_uid not in (uid, os.geteuid()):
        raise Invalid(f"{path} belongs to uid {found.st_uid}; name a directory of your own with --state")
    if found.st_mode & 0o022:
        raise Invalid(
            f"{path} can be written by others (mode {found.st_mode & 0o777:o}); run: chmod go-w {path}"
        )
    if os.geteuid() == 0 or found.st_uid == os.geteuid():
        os.chown(path, uid, gid)
        path.chmod(mode)

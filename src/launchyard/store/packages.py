"""Uploaded packages: files by content below the daemon's own directory, apart for each user.

A record of a user's name leads to a content; both are files, so that a crash leaves either what was there or
what was put (docs/decisions/0009). What is acknowledged is on the disk. No user's name, and no name that a
client chose, ever becomes more than the last part of a path. All methods block: call them in a thread.
"""

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from launchyard.model.errors import Conflict, Infeasible, Invalid, LaunchyardError, StorageFull
from launchyard.model.memory import format_memory
from launchyard.model.runtimeenv import is_package_name

MIB = 1 << 20
SIZE_MAX = 100 * MIB
QUOTA = 5 << 30
KEEP_S = 24 * 3600.0
PIN_S = 600.0
PART_KEEP_S = 24 * 3600.0
_PIECE = 1 << 20


class TooLargePackage(LaunchyardError):
    """Over the limit of one package."""

    status = 413
    code = "too-large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package that is there. `digest` is the SHA-256 of its content."""

    name: str
    digest: str
    size: int


class Packages:
    """The packages of all users. `keep_s` seconds after its last use one that no live job needs may go, and
    before that where all together take more than `total_max`: those that were used longest ago."""

    def __init__(
        self,
        path: Path,
        *,
        size_max: int = SIZE_MAX,
        quota: int = QUOTA,
        keep_s: float = KEEP_S,
        total_max: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.size_max = size_max
        self._path = path
        self._quota = quota
        self._keep_s = max(keep_s, PIN_S)
        self._total_max = total_max
        self._clock = clock
        self._lock = threading.Lock()
        self._arriving: set[Path] = set()

    def find(self, uid: int, name: str) -> Package | None:
        """The user's package of that name, which nobody removes for a while now."""
        if not is_package_name(name):
            return None
        with self._lock, suppress(FileNotFoundError):
            record = self._of(uid, "names") / name
            digest = record.read_text()
            content = self._of(uid, "content") / digest
            size = content.stat().st_size
            now = self._clock()
            os.utime(record, (now, now))
            return Package(name=name, digest=digest, size=size)
        return None

    def open(self, uid: int, name: str) -> tuple[Package, int] | None:
        """The package with a descriptor to read it by, which the caller closes."""
        found = self.find(uid, name)
        if found is None:
            return None
        with suppress(FileNotFoundError):
            return found, os.open(self._of(uid, "content") / found.digest, os.O_RDONLY | os.O_CLOEXEC)
        return None

    def upload(self, uid: int, name: str) -> "Upload":
        """A new upload under a name of the client's choice."""
        self._refuse_over_quota(uid, 0)
        return Upload(self, uid, _checked(name), self._of(uid, "parts") / secrets.token_hex(16), 0, None)

    def resume(self, uid: int, name: str, start: int, total: int | None) -> "Upload":
        """An upload whose name begins with its digest, from byte `start` on, of `total` bytes."""
        part = self._of(uid, "parts") / _checked(name)
        received = self.received(uid, name)
        if start not in (0, received):
            raise Conflict(
                f"{received} bytes of {name} are here, so send from byte {received} on, not {start}"
            )
        if total is not None and total > self.size_max:
            self.refuse_size()
        self._refuse_over_quota(uid, 0 if total is None else total - received)
        return Upload(self, uid, name, part, start, name.partition(".")[0])

    def received(self, uid: int, name: str) -> int:
        """How many bytes of an upload that did not end are here."""
        with suppress(FileNotFoundError):
            return (self._of(uid, "parts") / _checked(name)).stat().st_size
        return 0

    def collect(self, in_use: Mapping[int, Set[str]]) -> int:
        """Remove what no live job of its user names and nobody asked for lately; how many contents went."""
        removed = 0
        for uid in self._users():
            removed += self._collect_user(uid, in_use.get(uid, frozenset()), self._keep_s)
        over = 0 if self._total_max is None else self._total() - self._total_max
        for unused_s, uid, size in self._idle(in_use) if over > 0 else ():
            if over > 0:
                removed += self._collect_user(uid, in_use.get(uid, frozenset()), unused_s - 0.001)
                over -= size
        return removed

    def refuse_size(self) -> None:
        """Raise what an upload over the limit is answered."""
        raise TooLargePackage(
            f"Maximum request body size {self.size_max} exceeded. Leave files out with "
            f"runtime_env excludes or a .gitignore, or raise [packages] size_max."
        )

    # -- for uploads

    def arrive(self, part: Path) -> None:
        with self._lock:
            if part in self._arriving:
                raise Conflict(f"{part.name} is being sent by another request; wait for that one")
            self._arriving.add(part)

    def left(self, part: Path) -> None:
        with self._lock:
            self._arriving.discard(part)

    def keep(self, uid: int, name: str, digest: str, part: Path) -> Package:
        """Make a whole upload durable under its digest and its name."""
        content, names = self._of(uid, "content"), self._of(uid, "names")
        with self._lock:
            size = part.stat().st_size
            there = content / digest
            if there.exists():
                part.unlink()
            else:
                try:
                    # It is one of those that are counted.
                    self._refuse_over_quota(uid, 0)
                except Infeasible:
                    part.unlink()
                    raise
                part.rename(there)
                _sync_directory(content)
            fresh = names / f".{secrets.token_hex(8)}"
            _write(fresh, digest.encode())
            fresh.rename(names / name)
            now = self._clock()
            os.utime(names / name, (now, now))
            _sync_directory(names)
        return Package(name=name, digest=digest, size=size)

    # -- inside

    def _of(self, uid: int, kind: str) -> Path:
        path = self._path / str(uid) / kind
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def _refuse_over_quota(self, uid: int, size: int) -> None:
        """What has not come to its end counts too."""
        kinds = ("content", "parts")
        used = sum(_size(one) for kind in kinds for one in self._of(uid, kind).iterdir())
        if used + size > self._quota:
            raise Infeasible(
                f"your packages would take {format_memory((used + size) // MIB)}, more than the "
                f"{format_memory(self._quota // MIB)} allowed; those of ended jobs go by themselves",
                code="quota",
            )

    def _users(self) -> list[int]:
        with suppress(FileNotFoundError):
            return [int(user.name) for user in self._path.iterdir() if user.name.isdigit()]
        return []

    def _total(self) -> int:
        return sum(_size(one) for uid in self._users() for one in self._of(uid, "content").iterdir())

    def _idle(self, in_use: Mapping[int, Set[str]]) -> list[tuple[float, int, int]]:
        """How long each package was not used that may go, with its user and size, the longest first. One that
        was asked for just now is about to be named by a job."""
        now, found = self._clock(), []
        for uid in self._users():
            for record in self._of(uid, "names").iterdir():
                unused_s = now - record.stat().st_mtime
                if record.name not in in_use.get(uid, frozenset()) and unused_s > PIN_S:
                    size = _size(self._of(uid, "content") / record.read_text())
                    found.append((unused_s, uid, size))
        return sorted(found, reverse=True)

    def _collect_user(self, uid: int, in_use: Set[str], keep_s: float) -> int:
        """What was not used for so long, or longer."""
        now, removed = self._clock(), 0
        with self._lock:
            names, content = self._of(uid, "names"), self._of(uid, "content")
            for record in list(names.iterdir()):
                if record.name not in in_use and record.stat().st_mtime < now - keep_s:
                    record.unlink()
            needed = {record.read_text() for record in names.iterdir()}
            for one in list(content.iterdir()):
                if one.name not in needed:
                    one.unlink()
                    removed += 1
            for part in list(self._of(uid, "parts").iterdir()):
                # Only one with a digest for a name can be gone on with.
                old = "." not in part.name or part.stat().st_mtime < now - PART_KEEP_S
                if part not in self._arriving and old:
                    part.unlink()
        return removed


class Upload:
    """One package on its way in. `write` what comes, then `finish`, or `stop`; a part that resumes stays."""

    def __init__(
        self, packages: Packages, uid: int, name: str, part: Path, start: int, digest: str | None
    ) -> None:
        self._packages = packages
        self._uid = uid
        self._name = name
        self._part = part
        self._digest = digest
        packages.arrive(part)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | (0 if start else os.O_TRUNC)
            self._fd = os.open(part, flags, 0o600)
            os.lseek(self._fd, start, os.SEEK_SET)
        except OSError as error:
            packages.left(part)
            raise _storage(error) from None
        self.received = start
        self._hash = hashlib.sha256() if start == 0 else None

    def write(self, data: bytes) -> None:
        """Raises `TooLargePackage` over the limit of one package, `StorageFull`."""
        if self.received + len(data) > self._packages.size_max:
            self._packages.refuse_size()
        if self._hash is not None:
            self._hash.update(data)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise _storage(error) from None
        self.received += len(data)

    def finish(self) -> Package:
        """All of it is here: it is on the disk when this returns. Raises `Invalid` for another content."""
        try:
            os.fsync(self._fd)
            digest = self._hash.hexdigest() if self._hash is not None else self._hashed()
            if self._digest is not None and digest != self._digest:
                self._part.unlink()
                raise Invalid(
                    f"{self._name} was sent with another content, of SHA-256 {digest}; send it again"
                )
            return self._packages.keep(self._uid, self._name, digest, self._part)
        except OSError as error:
            raise _storage(error) from None
        finally:
            self._close()

    def stop(self) -> None:
        """It did not come to its end; what has a digest for a name may go on from here."""
        if self._digest is None:
            self._part.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._packages.left(self._part)

    def _hashed(self) -> str:
        found, at = hashlib.sha256(), 0
        while piece := os.pread(self._fd, _PIECE, at):
            found.update(piece)
            at += len(piece)
        return found.hexdigest()


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _checked(name: str) -> str:
    if not is_package_name(name):
        raise Invalid(
            f"{name[:80]!r} is no name of a package; it ends in .zip, .tar.gz, .tgz, .tar.xz or .whl"
        )
    return name


def _write(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _storage(error: OSError) -> LaunchyardError:
    return StorageFull(f"the server cannot keep the package ({error.strerror}); try again later")

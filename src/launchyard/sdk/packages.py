"""Packages: a directory's files as one archive that is named by its content.

The same files give the same bytes: sorted, without times, with their modes. What was packed once is known
again by the paths, sizes and times of its files, so that the second time nothing is read.
"""

import hashlib
import importlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import quote

from launchyard.model.errors import Invalid
from launchyard.model.number import shown
from launchyard.sdk.ignores import Rules, ignored, parse_rules

IGNORE_FILES = (".gitignore", ".rayignore", ".launchyardignore")
WHEEL = ".whl"
EXCLUDED = (".git", ".venv", "venv", "__pycache__")
"""Left behind unless an ignore file takes it back in."""
EXCLUDED_OF_MODULES = (".git", "__pycache__")
FILES_MAX = 200_000
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every member; a zip knows none before it."""
READ_BYTES = 1024 * 1024
KNOWN_MAX = 200
SETTLED_NS = 100_000_000
"""A file changed so shortly before may change again without its time showing it."""
SETTLED_COARSELY_NS = 2_000_000_000
"""The same on a file system that counts whole seconds."""


class Entry(NamedTuple):
    """A file or an empty directory: its name in the archive, where it is, and what tells that it changed."""

    name: str
    path: str
    mode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class Package(NamedTuple):
    """An archive as a server knows it. `files` and `size` (of the archive) are what a person is told.

    A wheel is kept under `gcs://`, where any name may be.
    """

    name: str
    files: int
    size: int

    @property
    def wheel(self) -> bool:
        """It has a name of its own kind, which installers read."""
        return self.name.endswith(WHEEL)

    @property
    def uri(self) -> str:
        return f"{'gcs' if self.wheel else 'package'}://{self.name}"

    @property
    def route(self) -> str:
        return f"/api/packages/gcs/{quote(self.name)}" if self.wheel else f"/v1/packages/{self.name}"


class Source(NamedTuple):
    """What to pack: a directory, or a file. `prefix` goes before the names of all members.

    `ready`: it is an archive with this ending, sent as it is.
    """

    path: Path
    prefix: str = ""
    excludes: tuple[str, ...] = ()
    excluded: tuple[str, ...] = EXCLUDED
    ready: str = ""


def listed(source: Source) -> list[Entry]:
    """What of it is packed, sorted by name. Links are followed: their content goes along."""
    if not source.path.is_dir():
        return [_entry(source.prefix + source.path.name, str(source.path), source.path.stat())]
    first = parse_rules(_excluded(source.excluded))
    # What the caller excludes is asked last of all, and so first: no ignore file takes it back in.
    walk = _Walk(source.prefix, parse_rules(source.excludes))
    entries = list(walk.below(str(source.path), "", [first], ()))
    return sorted(entries, key=lambda entry: entry.name)


def pack(entries: Sequence[Entry], into: IO[bytes]) -> str:
    """Write the archive; its SHA-256."""
    zipfile = _late("zipfile")
    with zipfile.ZipFile(
        into, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
    ) as archive:
        for entry in entries:
            member = zipfile.ZipInfo(entry.name, EPOCH)
            member.create_system = 3
            member.external_attr = (entry.mode & 0o177777) << 16
            if entry.name.endswith("/"):
                member.external_attr |= 0x10
                archive.writestr(member, b"")
                continue
            member.compress_type = zipfile.ZIP_DEFLATED
            member.file_size = entry.size
            with open(entry.path, "rb") as file, archive.open(member, "w") as out:
                while data := file.read(READ_BYTES):
                    out.write(data)
    return digest_of(into)


def _late(name: str) -> Any:
    """A module that is not needed for what was packed before, which is what a person waits for most often."""
    return importlib.import_module(name)


def digest_of(file: IO[bytes]) -> str:
    """The SHA-256 of a file from its beginning, in hexadecimal."""
    file.seek(0)
    sha = hashlib.sha256()
    while data := file.read(READ_BYTES):
        sha.update(data)
    file.seek(0)
    return sha.hexdigest()


def open_packed(entries: Sequence[Entry]) -> tuple[Package, IO[bytes]]:
    """The archive of these files, in a file that is gone when it is closed."""
    archive: IO[bytes] = _late("tempfile").TemporaryFile(prefix="launchyard-")
    try:
        digest = pack(entries, archive)
        return Package(f"{digest}.zip", len(entries), os.fstat(archive.fileno()).st_size), archive
    except OSError as error:
        archive.close()
        raise Invalid(f"{error.filename or 'a file'} cannot be packed: {error.strerror}") from None


def open_ready(source: Source) -> tuple[Package, IO[bytes]]:
    """The same of an archive that is one already."""
    try:
        archive = open(source.path, "rb")  # noqa: SIM115
    except OSError as error:
        raise Invalid(f"{source.path} cannot be read: {error.strerror}") from None
    size, digest = os.fstat(archive.fileno()).st_size, digest_of(archive)
    try:
        name = _wheel_name(source.path.name, digest) if source.ready == WHEEL else f"{digest}{source.ready}"
    except Invalid:
        archive.close()
        raise
    return Package(name, 1, size), archive


def _wheel_name(name: str, digest: str) -> str:
    """The wheel's name with its content as the build, which no installer compares with anything.

    So that another content has another name, as with all packages.
    """
    parts = name.removesuffix(WHEEL).split("-")
    if len(parts) not in (5, 6):
        raise Invalid(f"{shown(name)} is no name of a wheel; it is like name-1.0-py3-none-any.whl")
    build = f"{parts[2]}_{digest}" if len(parts) == 6 else f"0{digest}"
    return "-".join((*parts[:2], build, *parts[-3:])) + WHEEL


class Known:
    """The packages that this user made lately, in the user's cache; a broken file is an empty one."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _cache_directory() / "packages.json"

    def find(self, entries: Sequence[Entry], ready: str) -> Package | None:
        found = self._read().get(_fingerprint(entries, ready))
        try:
            return Package(str(found["name"]), len(entries), int(found["size"])) if found else None
        except (KeyError, TypeError, ValueError):
            return None

    def add(self, entries: Sequence[Entry], ready: str, package: Package, *, now_ns: int) -> None:
        """Keep it, unless a file is so young that it may change unseen. No fault is told."""
        if any(_may_change_unseen(entry, now_ns) for entry in entries):
            return
        known = self._read()
        known[_fingerprint(entries, ready)] = {"name": package.name, "size": package.size, "at": now_ns}
        newest = sorted(known.items(), key=lambda item: item[1].get("at", 0))[-KNOWN_MAX:]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd, written = _late("tempfile").mkstemp(dir=self.path.parent)
            with open(fd, "w", encoding="utf-8") as file:
                json.dump(dict(newest), file)
            Path(written).replace(self.path)
        except OSError:
            return

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {key: value for key, value in found.items() if isinstance(value, dict)}


class _Walk:
    """Goes down a directory; knows the ignore files on the way and the directories it is in."""

    def __init__(self, prefix: str, last: Rules) -> None:
        self._prefix, self._last = prefix, last
        self._count = 0

    def below(
        self, directory: str, path: str, rules: list[Rules], above: tuple[tuple[int, int], ...]
    ) -> Iterator[Entry]:
        """`path` is the directory as rules know it; `above` are the directories that it is in."""
        here = Path(directory).stat()
        if (here.st_dev, here.st_ino) in above:
            return
        above = (*above, (here.st_dev, here.st_ino))
        try:
            with os.scandir(directory) as found:
                children = sorted(found, key=lambda child: child.name)
        except OSError as error:
            raise Invalid(
                f"{directory} cannot be read: {error.strerror}; leave it out by `excludes`"
            ) from None
        names = {child.name for child in children}
        rules = [*rules, *(_rules_of(directory, name, path) for name in IGNORE_FILES if name in names)]
        kept = False
        for child in children:
            child_path = f"{path}/{child.name}" if path else child.name
            for entry in self._child(child, child_path, rules, above):
                kept = True
                yield entry
        if path and not kept:
            yield _entry(f"{self._prefix}{path}/", directory, here)

    def _child(
        self, child: "os.DirEntry[str]", path: str, rules: list[Rules], above: tuple[tuple[int, int], ...]
    ) -> Iterator[Entry]:
        try:
            status = child.stat()
        except OSError:
            return  # a link to nowhere, or gone meanwhile
        directory = stat.S_ISDIR(status.st_mode)
        if ignored([*rules, self._last], path, directory=directory):
            return
        if directory:
            yield from self.below(child.path, path, rules, above)
        elif stat.S_ISREG(status.st_mode):
            self._count += 1
            if self._count > FILES_MAX:
                raise Invalid(
                    f"there are over {FILES_MAX} files to send; leave some out by .launchyardignore"
                )
            yield _entry(f"{self._prefix}{path}", child.path, status)


def _rules_of(directory: str, name: str, path: str) -> Rules:
    if name == ".gitignore" and os.environ.get("RAY_RUNTIME_ENV_IGNORE_GITIGNORE") == "1":
        return Rules(path, ())
    try:
        with open(f"{directory}/{name}", encoding="utf-8", errors="surrogateescape") as file:
            return parse_rules(file, path)
    except OSError:
        return Rules(path, ())


def _excluded(usual: tuple[str, ...]) -> Sequence[str]:
    """The names left out by default, or the ones that Ray's own variable names instead."""
    named = os.environ.get("RAY_OVERRIDE_RUNTIME_ENV_DEFAULT_EXCLUDES")
    return usual if named is None else [name.strip() for name in named.split(",")]


def _entry(name: str, path: str, status: os.stat_result) -> Entry:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Invalid(f"the name of {shown(path)} is not UTF-8; rename it, or leave it out") from None
    directory = stat.S_ISDIR(status.st_mode)
    size = 0 if directory else status.st_size
    times = (0, 0) if directory else (status.st_mtime_ns, status.st_ctime_ns)
    return Entry(name, path, status.st_mode, size, *times, status.st_ino)


def _may_change_unseen(entry: Entry, now_ns: int) -> bool:
    coarse = entry.mtime_ns % 1_000_000_000 == 0
    return entry.mtime_ns > now_ns - (SETTLED_COARSELY_NS if coarse else SETTLED_NS)


def _fingerprint(entries: Sequence[Entry], ready: str) -> str:
    """What changes when a file does, or how archives are made."""
    sha = hashlib.sha256(f"1 {ready}".encode())
    for entry in entries:
        sha.update(repr(tuple(entry)).encode("utf-8", "surrogateescape"))
    return sha.hexdigest()


def _cache_directory() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path.home() / ".cache") / "launchyard"

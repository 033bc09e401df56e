"""Unpacking archives of strangers: each member is looked at before anything of it is written.

What leads out of the directory (absolute names, `..`, links), is no file or directory, or would grow beyond
the bounds is refused with the member's name. Names are walked part by part below an open directory, following
no link, so that no member can lead another one elsewhere.
"""

import contextlib
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

MEMBERS_MAX = 200_000
UNPACKED_MAX_BYTES = 20 << 30
RATIO_MAX = 1_000
RATIO_FROM_BYTES = 64 << 20
DEPTH_MAX = 64
NAME_MAX = 4_096
_PIECE = 1 << 20
_JUNK = ("__MACOSX",)


class BadArchive(Exception):
    """It is refused; the text is one sentence for its owner."""


class Bounds(NamedTuple):
    """How much may come out of an archive."""

    members: int = MEMBERS_MAX
    bytes: int = UNPACKED_MAX_BYTES


class Member(NamedTuple):
    """One file or directory; `open` gives its content, None of a directory."""

    parts: tuple[str, ...]
    mode: int
    open: Callable[[], IO[bytes]] | None


def unpack(source: IO[bytes], name: str, target: str, *, strip: bool, bounds: Bounds | None = None) -> int:
    """Unpack into the empty directory `target`; the bytes written. `strip`: leave out a single top directory.

    Raises `BadArchive`.
    """
    bounds = bounds or Bounds()
    size = os.fstat(source.fileno()).st_size
    try:
        if name.endswith((".zip", ".whl")):
            with zipfile.ZipFile(source) as archive:
                return _write_all(list(_of_zip(archive, bounds)), target, strip, size, bounds)
        kind = "r:xz" if name.endswith(".xz") else "r:gz"
        with tarfile.open(fileobj=source, mode=kind) as tar:  # type: ignore[call-overload]
            return _write_all(list(_of_tar(tar, size, bounds)), target, strip, size, bounds)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadArchive(f"the archive {name} cannot be read: {error}") from None
    except (ValueError, zipfile.LargeZipFile, zlib.error, lzma.LZMAError) as error:
        raise BadArchive(f"the archive {name} is damaged: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise BadArchive(f"the archive {name} is damaged: {error}") from None


def _of_zip(archive: zipfile.ZipFile, bounds: Bounds) -> Iterator[Member]:
    told = 0
    infos = archive.infolist()
    _refuse_many(len(infos), bounds)
    for info in infos:
        told += info.file_size
        _refuse_large(told, bounds)
        mode = info.external_attr >> 16
        kind = stat.S_IFMT(mode)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise BadArchive(f"its member {_shown(info.filename)} is a link or a device; leave it out")
        if info.flag_bits & 1:
            raise BadArchive(f"its member {_shown(info.filename)} is encrypted; send it in the clear")
        opener = None if info.is_dir() else _opener(archive, info)
        yield Member(parts=_parts(info.filename), mode=mode & 0o777, open=opener)


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _of_tar(tar: tarfile.TarFile, size: int, bounds: Bounds) -> Iterator[Member]:
    told = count = 0
    for info in tar:
        count, told = count + 1, told + max(0, info.size)
        _refuse_many(count, bounds)
        _refuse_large(told, bounds)
        _refuse_ratio(told, size)
        if not (info.isreg() or info.isdir()):
            raise BadArchive(f"its member {_shown(info.name)} is a link or a device; leave it out")
        if info.issparse():
            raise BadArchive(f"its member {_shown(info.name)} is a sparse file; pack it without --sparse")
        opener = None if info.isdir() else _tar_opener(tar, info)
        yield Member(parts=_parts(info.name), mode=info.mode & 0o777, open=opener)


def _tar_opener(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        content = tar.extractfile(info)
        if content is None:
            raise BadArchive(f"its member {_shown(info.name)} has no content")
        return content

    return opened


def _parts(name: str) -> tuple[str, ...]:
    """The name part by part; raises for whatever could lead elsewhere."""
    if not name or "\0" in name or "\\" in name or len(name) > NAME_MAX:
        raise BadArchive(f"its member {_shown(name)} has a name that is not understood")
    if name.startswith("/") or (len(name) > 1 and name[1] == ":" and name[0].isalpha()):
        raise BadArchive(f"its member {_shown(name)} has an absolute name; pack names below one directory")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise BadArchive(f"its member {_shown(name)} leads out of the directory; pack it without ..")
    if len(parts) > DEPTH_MAX:
        raise BadArchive(f"its member {_shown(name)} lies {len(parts)} directories deep; at most {DEPTH_MAX}")
    return parts


def _write_all(members: list[Member], target: str, strip: bool, size: int, bounds: Bounds) -> int:
    members = [one for one in members if one.parts and one.parts[0] not in _JUNK]
    if strip and _single_top(members):
        members = [
            Member(parts=one.parts[1:], mode=one.mode, open=one.open) for one in members if len(one.parts) > 1
        ]
    written = 0
    root = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    folders = _Folders(root)
    try:
        for one in members:
            if one.open is None:
                folders.open(one.parts)
                continue
            written = _write(one, folders.open(one.parts[:-1]), written, size, bounds)
    finally:
        folders.close()
    return written


def _single_top(members: list[Member]) -> bool:
    tops = {one.parts[0] for one in members}
    return len(tops) == 1 and all(len(one.parts) > 1 or one.open is None for one in members)


class _Folders:
    """Directories below one that is open, made as needed; the last one used stays open."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._at: tuple[str, ...] = ()
        self._fd = root

    def open(self, parts: tuple[str, ...]) -> int:
        if parts == self._at:
            return self._fd
        fd = os.dup(self._root)
        for part in parts:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=fd)
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=fd)
            os.close(fd)
            fd = below
        self._leave()
        self._at, self._fd = parts, fd
        return fd

    def close(self) -> None:
        self._leave()
        os.close(self._root)

    def _leave(self) -> None:
        if self._fd != self._root:
            os.close(self._fd)
        self._at, self._fd = (), self._root


def _write(member: Member, folder: int, written: int, size: int, bounds: Bounds) -> int:
    """One file; counted as it comes, since an archive may say another size than it has."""
    name = member.parts[-1]
    mode = 0o755 if member.mode & 0o111 else 0o644
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(name, flags, mode, dir_fd=folder)
    except FileExistsError:
        raise BadArchive(f"its member {_shown('/'.join(member.parts))} is there twice") from None
    assert member.open is not None
    try:
        with member.open() as content:
            while piece := content.read(_PIECE):
                written += len(piece)
                _refuse_large(written, bounds)
                _refuse_ratio(written, size)
                view = memoryview(piece)
                while view:
                    view = view[os.write(fd, view) :]
    finally:
        os.close(fd)
    return written


def _refuse_many(count: int, bounds: Bounds) -> None:
    if count > bounds.members:
        raise BadArchive(f"it has more than {bounds.members} members; leave some out")


def _refuse_large(total: int, bounds: Bounds) -> None:
    if total > bounds.bytes:
        raise BadArchive(f"it would be more than {bounds.bytes >> 20} MiB unpacked; leave something out")


def _refuse_ratio(total: int, size: int) -> None:
    if total > RATIO_FROM_BYTES and total > RATIO_MAX * max(size, 1):
        raise BadArchive(f"it unpacks to more than {RATIO_MAX} times its size, as no honest archive does")


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:77]}...")

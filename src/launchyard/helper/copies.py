"""Copies of directory trees, removal of them, and what tells whether one was changed since."""

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import struct

from launchyard.launcher.private_tmp import empty

FICLONE = 0x40049409
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_TOPDIR_FL = 0x80086601, 0x40086602, 0x20000
_PIECE = 1 << 30

Facts = dict[str, list[int]]
"""By relative path: size, mtime and ctime (ns), which no program can set; of a directory the mode."""


def copy_tree(source: str, target: str) -> None:
    """A copy that its user may write; times and links stay as they are, nothing is shared with the source."""
    os.mkdir(target, 0o755)
    cloning = True
    with os.scandir(source) as entries:
        for entry in entries:
            there = os.path.join(target, entry.name)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), there)
            elif entry.is_dir(follow_symlinks=False):
                copy_tree(entry.path, there)
            else:
                cloning = copy_file(entry.path, there, cloning=cloning)


def copy_file(source: str, target: str, *, cloning: bool = True) -> bool:
    """One regular file; whether this file system makes clones."""
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        found = os.fstat(reading)
        mode = 0o755 if found.st_mode & 0o111 else 0o644
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            cloning = cloning and _cloned(reading, writing)
            if not cloning:
                _copy_bytes(reading, writing, found.st_size)
            os.utime(writing, ns=(found.st_atime_ns, found.st_mtime_ns))
        finally:
            os.close(writing)
    finally:
        os.close(reading)
    return cloning


def remove_tree(path: str) -> None:
    """All of it, following no link, however deep and with whatever permissions it was left."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.chmod(path, 0o700)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            empty(fd)
        finally:
            os.close(fd)
        os.rmdir(path)


def protect(path: str) -> None:
    """Nobody writes here any more without asking for it in so many words."""
    for folder, folders, files in os.walk(path):
        for name in files:
            where = os.path.join(folder, name)
            if not os.path.islink(where):
                os.chmod(where, stat.S_IMODE(os.lstat(where).st_mode) & ~0o222)
        for name in folders:
            where = os.path.join(folder, name)
            if not os.path.islink(where):
                os.chmod(where, 0o555)
    os.chmod(path, 0o555)


def facts_of(path: str) -> tuple[Facts, int]:
    """Of every file below, and how many bytes they are in all."""
    facts: Facts = {}
    total = 0
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(os.path.join(path, folder)) as entries:
            for entry in entries:
                name = os.path.join(folder, entry.name)
                found = entry.stat(follow_symlinks=False)
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder:
                    folders.append(name)
                known = [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
                # The times of a directory say only that something was in it, which is seen anyway.
                facts[name] = [found.st_mode] if is_folder else known
                total += 0 if is_folder else found.st_size
    return facts, total


def spread(path: str) -> None:
    """Let directories made here lie far from each other on the disk, where the file system knows of that.

    ext4 gives no inode again that was freed a short while ago: near a tree that was just removed it looks for
    a millisecond for each new file, and the copies of jobs come and go.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            (flags,) = struct.unpack("l", fcntl.ioctl(fd, FS_IOC_GETFLAGS, bytes(8)))
            if not flags & FS_TOPDIR_FL:
                fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("l", flags | FS_TOPDIR_FL))
    finally:
        os.close(fd)


def free_space(path: str) -> int:
    return shutil.disk_usage(path).free


def _cloned(reading: int, writing: int) -> bool:
    try:
        fcntl.ioctl(writing, FICLONE, reading)
    except OSError:
        return False
    return True


def _copy_bytes(reading: int, writing: int, size: int) -> None:
    while size > 0:
        try:
            done = os.copy_file_range(reading, writing, min(size, _PIECE))
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
                raise
            done = os.sendfile(writing, reading, os.lseek(reading, 0, os.SEEK_CUR), min(size, _PIECE))
            os.lseek(reading, done, os.SEEK_CUR)
        if not done:
            return
        size -= done

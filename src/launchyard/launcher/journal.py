"""The file in which launcher and keeper remember: checksummed lines, durable on `sync`.

Each line is the CRC-32 of its JSON in hex, a space, the JSON, a newline. The file is preallocated, zeros
after the last line, so that what is promised room can be written when the disk is full. Reading stops at the
first line that is not whole (a torn write) and cuts there.
"""

import contextlib
import json
import os
import zlib
from typing import Any

Record = dict[str, Any]

CHUNK_BYTES = 1 << 20
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Journal:
    """Append, sync, and now and then rewrite with what is still worth remembering.

    Every method raises OSError when the disk does not take it; what was appended stays in memory and goes out
    with the next `flush` or `sync` that works.
    """

    def __init__(self, path: str, *, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._path = path
        self._chunk = chunk_bytes
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._buffer = bytearray()
        self._end = 0
        self._capacity = 0
        self._dirty = False

    @property
    def size(self) -> int:
        """Bytes in use, those not yet written included."""
        return self._end + len(self._buffer)

    @property
    def dirty(self) -> bool:
        """Whether something appended is not durable yet."""
        return self._dirty or bool(self._buffer)

    def load(self) -> list[Record]:
        """All whole records; cuts the file after the last of them. An unreadable file is an empty one."""
        data = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        records, self._end = parse(data)
        if data[self._end :].strip(b"\0"):
            # What lies behind a torn line must never be read after new lines have filled the gap.
            os.ftruncate(self._fd, self._end)
            os.fsync(self._fd)
        self._capacity = os.fstat(self._fd).st_size
        return records

    def append(self, record: Record) -> None:
        """Remember; goes to the file with `flush` and is durable after `sync`."""
        self._buffer += line(record)

    def flush(self) -> None:
        """Hand it to the kernel: survives the death of this process, not a power cut."""
        while self._buffer:
            written = os.pwrite(self._fd, self._buffer, self._end)
            del self._buffer[:written]
            self._end += written
            self._dirty = True
        self._capacity = max(self._capacity, self._end)

    def sync(self) -> None:
        """Hand it to the disk."""
        self.flush()
        if self._dirty:
            os.fdatasync(self._fd)
            self._dirty = False

    def reserve(self, room_bytes: int) -> bool:
        """Make sure that so much can still be appended when the disk is full; False: it cannot."""
        while self._capacity - self.size < room_bytes:
            try:
                os.posix_fallocate(self._fd, self._capacity, self._chunk)
            except OSError:
                # A failed call may have got some of it.
                self._capacity = max(self._end, os.fstat(self._fd).st_size)
                return self._capacity - self.size >= room_bytes
            self._capacity += self._chunk
        return True

    def rewrite(self, records: list[Record]) -> None:
        """Replace everything by `records`, at once or not at all; the file keeps its preallocated size."""
        data = b"".join(line(record) for record in records)
        fresh = self._path + ".new"
        fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            capacity = (len(data) // self._chunk + 1) * self._chunk
            os.posix_fallocate(fd, 0, capacity)
            _write_all(fd, data)
            os.fsync(fd)
            os.replace(fresh, self._path)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(fresh)
            raise
        # It is this one now, whatever becomes of what follows: the other has no name any more.
        os.close(self._fd)
        self._fd, self._end, self._capacity = fd, len(data), capacity
        self._buffer.clear()
        self._dirty = False
        _sync_directory(os.path.dirname(self._path))

    def close(self) -> None:
        os.close(self._fd)


def line(record: Record) -> bytes:
    """A record as it stands in the file."""
    body = _encode(record).encode()
    return b"%08x %b\n" % (zlib.crc32(body), body)


def parse(data: bytes) -> tuple[list[Record], int]:
    """The whole records at the beginning of `data`, and where they end."""
    records: list[Record] = []
    position = 0
    while (end := data.find(b"\n", position)) >= 0:
        checksum, _, body = data[position:end].partition(b" ")
        if checksum != b"%08x" % zlib.crc32(body):
            break
        try:
            record = json.loads(body)
        except ValueError:
            break
        if not isinstance(record, dict):
            break
        records.append(record)
        position = end + 1
    return records, position


def _write_all(fd: int, data: bytes) -> None:
    written = 0
    while written < len(data):
        written += os.write(fd, data[written:])


def _sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

"""A FUSE file system that is mounted and then never answers, as a file server that has gone away."""

import ctypes
import os
import struct
import threading
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_MNT_FORCE_DETACH = 1 | 2
_INIT = 26
_IN_HEADER = struct.Struct("IIQQIIII")
_OUT_HEADER = struct.Struct("IiQ")


class DeadFilesystem:
    """Speaks just enough of the protocol to be mounted; takes every request and answers none.

    Who asks for anything in it hangs where not even SIGKILL helps, until `revive`.
    """

    def __init__(self, mountpoint: Path) -> None:
        self._mountpoint = os.fsencode(mountpoint)
        self._fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if _libc.mount(b"dead", self._mountpoint, b"fuse", 0, options) != 0:
            number = ctypes.get_errno()
            os.close(self._fd)
            raise OSError(number, os.strerror(number))
        self.taken = 0
        self._revived = False
        self._reader = threading.Thread(target=self._take_requests, daemon=True)
        self._reader.start()

    def _take_requests(self) -> None:
        while True:
            try:
                request = os.read(self._fd, 1 << 20)
            except OSError:
                return
            _, opcode, unique, *_ = _IN_HEADER.unpack_from(request)
            if opcode == _INIT:
                major, minor, readahead = struct.unpack_from("III", request, _IN_HEADER.size)
                body = struct.pack("IIIIHHIIHHI28x", major, minor, readahead, 0, 12, 9, 65536, 1, 16, 0, 0)
                os.write(self._fd, _OUT_HEADER.pack(_OUT_HEADER.size + len(body), 0, unique) + body)
            else:
                self.taken += 1

    def revive(self) -> None:
        """Unmount: everybody who waits gets an error."""
        if self._revived:
            return
        self._revived = True
        _libc.umount2(self._mountpoint, _MNT_FORCE_DETACH)
        self._reader.join(timeout=60)
        os.close(self._fd)

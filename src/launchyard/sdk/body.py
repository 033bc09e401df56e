"""Where an HTTP/1.1 body begins and ends, as a function of bytes: nothing here reads or waits."""

from collections.abc import Mapping

from launchyard.sdk.errors import ProtocolError

SIZE_LINE_BYTES_MAX = 1024


class Body:
    """Takes what came, gives what belongs to the body; `rest` is what came after its end."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        length = headers.get("content-length")
        self._chunked = "chunked" in headers.get("transfer-encoding", "")
        self._left: int | None = None
        if self._chunked or status in (101, 204, 304):
            self._left = 0
        elif length is not None:
            self._left = int(length)
        self.finished = self._left == 0 and not self._chunked
        self._lines = bytearray()
        self._trailer = False
        self.rest = b""

    @property
    def until_close(self) -> bool:
        """Whether the end of the connection is the end of the body."""
        return self._left is None

    def feed(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        if self._chunked:
            return self._feed_chunks(data)
        taken, self.rest = data[: self._left], data[self._left :]
        self._left -= len(taken)
        self.finished = self._left == 0
        return taken

    def _feed_chunks(self, data: bytes) -> bytes:
        parts = []
        while data and not self.finished:
            if self._left:
                parts.append(data[: self._left])
                data = data[self._left :]
                self._left -= len(parts[-1])
                continue
            line, newline, data = data.partition(b"\n")
            self._lines += line
            if len(self._lines) > SIZE_LINE_BYTES_MAX:
                raise ProtocolError("the answer has a chunk without a size")
            if newline:
                self._take_line(bytes(self._lines).rstrip(b"\r"))
                self._lines.clear()
        if self.finished:
            self.rest = data
        return b"".join(parts)

    def _take_line(self, line: bytes) -> None:
        """An empty line closes a chunk (or, after the last chunk, the body); else it is a size."""
        if self._trailer:
            self.finished = not line
        elif line:
            try:
                self._left = int(line.partition(b";")[0], 16)
            except ValueError:
                raise ProtocolError("the answer has a chunk without a size") from None
            self._trailer = self._left == 0

"""Looking through a whole output file: where a text is, and where lines that tell of errors are.

A file may be a gigabyte, so it is read in pieces that end with a line; what takes longer than the time given
is answered as far as it got, and says so.
"""

import os
import re
import time
from collections.abc import Iterator

from launchyard.helper.logs import open_regular
from launchyard.launcher.messages import Message

PIECE_BYTES = 1 << 20
LINE_MAX = 400
"""Bytes of a line that are shown; around what was found in it."""
MATCHES_MAX = 1_000
ERRORS_MAX = 500
LOOKED_AT_MAX = 128 << 20
"""Errors are looked for in so much of the end of a file; lines are counted in all of it."""
LOOKED_AT_LINE = 4_000
PLACES_MAX = 1_000

_STEMS = (
    *(b"error", b"exception", b"traceback", b"fatal", b"panic", b"segmentation fault", b"core dumped"),
    *(b"killed", b"out of memory", b"cannot allocate memory", b"no space left on device"),
    *(b"permission denied", b"command not found", b"assertion failed", b"aborted"),
)
"""Looked for one by one, which is many times as fast as one expression for all."""
_ERROR = re.compile(
    rb"(?<![a-z0-9_])(?:[a-z.]*error|[a-z.]*exception|panicked|" + b"|".join(_STEMS) + rb")(?![a-z0-9_])"
)
_HARMLESS = re.compile(rb"(?:\b0 errors?\b|\bno errors?\b|errors?[ =:]+0\b|without errors?)")


def search(order: Message) -> Message:
    """Lines that contain `text`, from the line at `offset` on, whose number is `line`; they count from 1.

    Upper and lower case are alike where `text` is lower. `matches` are [line, offset of the line, text], the
    first `limit` of them. `next` is the offset to go on from and `line` its line; None: this was all.
    """
    needle = os.fsencode(order["text"])
    fold = needle == needle.lower()
    limit, end_at = min(order["limit"], MATCHES_MAX), time.monotonic() + order["limit_s"]
    matches, line, after = list[list[object]](), order["line"], None
    fd = open_regular(order["path"])
    try:
        for piece, start in _pieces(fd, order["offset"]):
            counted = 0
            for place in _places(piece.lower() if fold else piece, needle):
                begin = piece.rfind(b"\n", 0, place) + 1
                line += piece.count(b"\n", counted, begin)
                counted = begin
                if len(matches) == limit:
                    after = start + begin
                    break
                matches.append([line, start + begin, _shown(piece, begin, place)])
            if after is not None:
                break
            line += piece.count(b"\n", counted)
            if time.monotonic() > end_at:
                after = start + len(piece)
                break
        size = os.fstat(fd).st_size
    finally:
        os.close(fd)
    return {"t": "found", "id": order["id"], "matches": matches, "next": after, "line": line, "size": size}


def marks(order: Message) -> Message:
    """What the margin of a log shows: how many lines it has, where some of them begin, which tell of errors.

    `places` are [line, offset], about a piece apart; `errors` are [line, offset, text], the last ones.
    """
    end_at, line, complete, whole = time.monotonic() + order["limit_s"], 1, True, True
    places, errors, count = list[list[int]](), list[list[object]](), 0
    fd = open_regular(order["path"])
    try:
        size = os.fstat(fd).st_size
        for piece, start in _pieces(fd, 0):
            places.append([line, start])
            if start + len(piece) > size - LOOKED_AT_MAX:
                found = _errors(piece, start, line)
                count += len(found)
                errors = (errors + found)[-ERRORS_MAX:]
            line += piece.count(b"\n")
            whole = piece.endswith(b"\n")
            if time.monotonic() > end_at:
                complete = start + len(piece) >= size
                break
    finally:
        os.close(fd)
    while len(places) > PLACES_MAX:
        places = places[::2]
    told = {"lines": line - whole, "places": places, "errors": errors, "error_count": count}
    return {"t": "found", "id": order["id"], "size": size, "complete": complete, **told}


def _pieces(fd: int, offset: int) -> Iterator[tuple[bytes, int]]:
    """(whole lines, their offset); a line longer than a piece is cut."""
    left = b""
    while data := os.pread(fd, PIECE_BYTES, offset + len(left)):
        data = left + data
        end = data.rfind(b"\n") + 1 or (len(data) if len(data) >= PIECE_BYTES else 0)
        if end:
            yield data[:end], offset
        left, offset = data[end:], offset + end
    if left:
        yield left, offset


def _places(text: bytes, needle: bytes) -> Iterator[int]:
    """Where the needle is, once a line."""
    at = text.find(needle)
    while at >= 0:
        yield at
        end = text.find(b"\n", at)
        if end < 0:
            return
        at = text.find(needle, end)


def _shown(piece: bytes, begin: int, place: int) -> str:
    """The line, or the part of a long one in which something was found."""
    end = piece.find(b"\n", place)
    end = len(piece) if end < 0 else end
    if end - begin > LINE_MAX:
        begin = max(begin, min(place - LINE_MAX // 4, end - LINE_MAX))
        end = min(end, begin + LINE_MAX)
    return piece[begin:end].decode(errors="replace")


def _errors(piece: bytes, start: int, line: int) -> list[list[object]]:
    """Lines that tell of errors, each once; `line` is the number of the piece's first one."""
    lower, found, counted = piece.lower(), list[list[object]](), 0
    begins = {lower.rfind(b"\n", 0, place) + 1 for stem in _STEMS for place in _places(lower, stem)}
    for begin in sorted(begins):
        end = lower.find(b"\n", begin)
        text = lower[begin : len(lower) if end < 0 else end][:LOOKED_AT_LINE]
        match = _ERROR.search(text)
        if match is None or _HARMLESS.search(text):
            continue
        line += lower.count(b"\n", counted, begin)
        counted = begin
        found.append([line, start + begin, _shown(piece, begin, begin + match.start())])
    return found

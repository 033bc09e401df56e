"""What comes in pieces: every cut of a short exchange to feed, and reading on until enough has come."""

import socket
from collections.abc import Iterator


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """In one piece, in each two, and byte by byte."""
    yield [data]
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]
    yield [data[at : at + 1] for at in range(len(data))]


def first_bytes(sock: socket.socket, count: int) -> bytes:
    """So many bytes, or fewer at the end of the connection."""
    found = b""
    while len(found) < count and (data := sock.recv(count - len(found))):
        found += data
    return found


def first_line(sock: socket.socket) -> bytes:
    """Up to the end of the line that comes first, or of the connection."""
    found = b""
    while not found.endswith(b"\n") and (data := sock.recv(1)):
        found += data
    return found

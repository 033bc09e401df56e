"""An archive that is fetched by http is all of it or none, however it comes and wherever it is cut off."""

import contextlib
import hashlib
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from launchyard.helper import fetching
from tests.pieces import cuts, first_line

CONTENT = b"PK\r\n\r\n0\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nETag: x\r\n"
MEASURED = HEAD + b"Content-Length: 9\r\n\r\n" + CONTENT
IN_PARTS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nPK\r\n\r\n5\r\n\r\n0\r\n\r\n0\r\n\r\n"


@contextlib.contextmanager
def answering(pieces: Sequence[bytes]) -> Iterator[str]:
    """The address of what answers once, so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                while first_line(client) not in (b"\r\n", b""):
                    pass
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for piece in pieces:
                    client.sendall(piece)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/a.zip"
        thread.join(60)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    found: list[bytes] = []
    monkeypatch.setattr(fetching, "_write", found.append)
    monkeypatch.setenv("no_proxy", "*")
    return found


@pytest.mark.parametrize("answer", [MEASURED, IN_PARTS])
def test_it_is_fetched_in_any_pieces(written: list[bytes], answer: bytes) -> None:
    for pieces in cuts(answer):
        written.clear()
        with answering(pieces) as uri:
            told = fetching._fetched(uri, {})
        assert told == {"digest": hashlib.sha256(CONTENT).hexdigest(), "etag": "x"}
        assert b"".join(written) == CONTENT


@pytest.mark.parametrize("answer", [MEASURED, IN_PARTS[:-4]])
def test_what_was_cut_off_is_never_taken_for_all_of_it(written: list[bytes], answer: bytes) -> None:
    """Kept with its ETag it would be the archive for every later job."""
    for end in range(len(answer)):
        with answering([answer[:end]]) as uri:
            told = fetching._fetched(uri, {})
        assert list(told) == ["failed"], answer[:end]
        assert told["failed"]

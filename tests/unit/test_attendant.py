"""The attendant of a session: what it looks at first, how it asks the app, what it says when that fails."""

import json
import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from launchyard.attendant.checks import CannotStart, check
from launchyard.attendant.main import Attendant, early_end, never_answered
from launchyard.attendant.order import HEARD_SIGNAL, VARIABLE, Order, take, variables, write
from launchyard.attendant.probe import Found, Probe, filled
from launchyard.attendant.telling import Teller, teller_of
from tests.pieces import cuts, first_bytes, first_line

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def order(folder: Path, **more: Any) -> Order:
    asked: dict[str, Any] = {
        "session_id": 7,
        "launch_id": "l1",
        "title": "Tool",
        "folder": str(folder),
        "directory": str(folder),
        "prefix": "/session/7",
        "ready": "/ready",
        "speaks": "http",
        "tcp": False,
        "strip_prefix": False,
        "headers": {},
        "start_s": 5,
        "programs": [],
        "values": {},
        "api": str(folder / "api.sock"),
    }
    return Order(**{**asked, **more})


def request_of(connection: socket.socket) -> bytes:
    """All of it: its head and what that says of a body."""
    head = b""
    while (line := first_line(connection)) not in (b"\r\n", b""):
        head += line
    lengths = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
    return head + line + first_bytes(connection, int(lengths[0].split()[1]) if lengths else 0)


@contextmanager
def served(path: Path, *pieces: bytes) -> Iterator[list[bytes]]:
    """Something that listens and always says the same; what it was asked."""
    asked: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                if not pieces[0].startswith(b"RFB"):
                    asked.append(request_of(connection))
                for piece in pieces:
                    connection.sendall(piece)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def test_its_order_comes_by_a_variable_that_the_app_does_not_see(tmp_path: Path) -> None:
    sent = order(tmp_path, values={"word": "hello", "more": True, "less": False, "count": 3})
    environ = {VARIABLE: write(sent), "OTHER": "1"}

    assert take(environ) == sent
    assert environ == {"OTHER": "1"}
    told = variables(sent)
    assert told["LAUNCHYARD_VALUE_WORD"] == "hello"
    assert (told["LAUNCHYARD_VALUE_MORE"], told["LAUNCHYARD_VALUE_LESS"]) == ("1", "")
    assert told["LAUNCHYARD_SESSION_SOCKET"] == f"{tmp_path}/app.sock"


def test_each_launch_has_a_new_secret_that_its_user_alone_can_read(tmp_path: Path) -> None:
    """Threat 46: nothing constant, nothing short, and no other way to learn it."""
    secrets = []
    for launch in ("l1", "l2"):
        Attendant(order(tmp_path, launch_id=launch, directory=str(tmp_path / launch)))._prepare()
        folder = tmp_path / launch
        assert [stat.S_IMODE(one.stat().st_mode) for one in (folder, folder / "secret")] == [0o700, 0o600]
        secrets.append((folder / "secret").read_text())

    assert secrets[0] != secrets[1]
    assert min(len(one) for one in secrets) >= 40
    with pytest.raises(FileExistsError):
        Attendant(order(tmp_path, directory=str(tmp_path / "l1")))._prepare()


def test_a_program_that_is_missing_is_named_with_its_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNCHYARD_NODE", "n1")

    with pytest.raises(CannotStart) as why:
        check(order(tmp_path, programs=[["nobody-has-this|nor-this", "Build it."]]))

    assert str(why.value) == "Tool needs nobody-has-this, which is not installed on n1: Build it."


def test_a_home_with_room_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "start.sh").write_text("")

    check(order(tmp_path))

    assert [one.name for one in tmp_path.iterdir()] == ["start.sh"]


def test_a_home_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    (tmp_path / "start.sh").write_text("")

    with pytest.raises(CannotStart, match="is not there, and Tool needs one"):
        check(order(tmp_path))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (OK, Found(True, True, "it answered with status 200")),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", Found(True, True, "it answered with status 403")),
        (b"HTTP/1.1 503 Not yet\r\n\r\n", Found(True, False, "it answered with status 503")),
        (b"hello\n", Found(True, False, "it does not speak HTTP")),
    ],
)
def test_it_asks_below_the_prefix_with_the_secret(tmp_path: Path, answer: bytes, found: Found) -> None:
    (tmp_path / "secret").write_text("s3cret")
    told = order(tmp_path, headers={"Authorization": "Bearer {secret}"})

    with served(tmp_path / "app.sock", answer) as asked:
        assert Probe(told, "other", None).look() == found

    assert asked[0].startswith(b"GET /session/7/ready HTTP/1.1\r\n")
    assert b"Authorization: Bearer s3cret\r\n" in asked[0]


def test_a_vnc_server_is_known_by_its_greeting(tmp_path: Path) -> None:
    with served(tmp_path / "app.sock", b"RFB 003.008\n"):
        assert Probe(order(tmp_path, speaks="rfb"), "", None).look().answers


class Pieces:
    """A connection that gives what was said piece by piece, then its end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def sendall(self, data: bytes) -> None: ...

    def recv(self, limit: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


@pytest.mark.parametrize(
    ("speaks", "said"), [("rfb", b"RFB 003.008\n"), ("http", b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n")]
)
def test_an_app_is_there_in_whatever_pieces_it_says_so(tmp_path: Path, speaks: str, said: bytes) -> None:
    probe = Probe(order(tmp_path, speaks=speaks), "", None)
    for pieces in cuts(said):
        assert probe._ask(cast(socket.socket, Pieces(pieces))).answers
    for cut_off in range(4):
        assert not probe._ask(cast(socket.socket, Pieces([said[:cut_off]]))).answers


def test_nothing_listens_before_it_is_there(tmp_path: Path) -> None:
    assert Probe(order(tmp_path), "", None).look() == Found(False, False)


def test_an_app_may_listen_at_another_port_than_it_was_given(tmp_path: Path) -> None:
    probe = Probe(order(tmp_path, tcp=True), "", 4000)

    assert probe.port == 4000
    (tmp_path / "port").write_text("5000")
    assert probe.port == 5000
    (tmp_path / "port").write_text("nonsense")
    assert probe.port == 4000


def test_a_secret_goes_into_headers_as_they_want_it() -> None:
    assert filled("Bearer {secret}", "abc") == "Bearer abc"
    assert filled("Basic {basic}", "abc") == "Basic OmFiYw=="


def test_the_server_is_told_once_it_is_there_and_its_refusal_is_final(tmp_path: Path) -> None:
    teller = Teller(str(tmp_path / "api.sock"), 7, "l1")
    assert not teller.tell("answers", 0)

    with served(tmp_path / "api.sock", OK) as asked:
        assert teller.tell("answers", 5, port=None)
    (tmp_path / "api.sock").unlink()
    with served(tmp_path / "api.sock", b"HTTP/1.1 409 Conflict\r\n\r\n"):
        assert not teller.tell("answers", 5)

    assert asked[0].startswith(b"POST /v1/sessions/7/told HTTP/1.1\r\n")
    assert b'"launch_id": "l1", "what": "answers"' in asked[0]


def test_each_way_not_to_come_up_has_a_sentence(tmp_path: Path) -> None:
    told = order(tmp_path)

    sentences = [
        early_end(told, 127),
        early_end(told, 3),
        early_end(told, -9),
        never_answered(told, Found(False, False)),
        never_answered(told, Found(True, False, "it answered with status 503")),
    ]

    assert sentences == [
        "Tool ended before it answered: a program that it starts was not found (see its log)",
        "Tool ended with exit code 3 before it answered",
        "Tool was ended by signal 9 before it answered",
        "Tool did not answer within 5 s of its start; nothing listens at its socket",
        "Tool did not answer within 5 s of its start; it answered with status 503",
    ]


def test_where_the_server_is_not_reached_it_writes_down_what_it_tells(tmp_path: Path) -> None:
    teller = teller_of(order(tmp_path, api=""))
    assert teller.tell("listens", 0)
    assert teller.tell("answers", 0, secret="s")
    lines = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert lines == [
        {"launch_id": "l1", "what": "listens"},
        {"launch_id": "l1", "what": "answers", "secret": "s"},
    ]
    assert (tmp_path / "told").stat().st_mode & 0o777 == 0o600


def test_it_waits_until_a_failure_that_it_wrote_down_was_heard(tmp_path: Path) -> None:
    teller = teller_of(order(tmp_path, api=""))
    heard = threading.Timer(0.2, lambda: os.kill(os.getpid(), HEARD_SIGNAL))
    heard.start()
    try:
        assert teller.tell("failed", 30, sentence="no")
    finally:
        heard.join()
        signal.signal(HEARD_SIGNAL, signal.SIG_DFL)

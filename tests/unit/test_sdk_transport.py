"""The client's HTTP: framing, kept connections, and what is done when the server goes away."""

import json
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from launchyard.model.errors import Conflict, Forbidden, Invalid, NotFound
from launchyard.sdk.address import Address, find, from_url, token
from launchyard.sdk.body import Body
from launchyard.sdk.errors import ConnectionLost, NotRunning, ProtocolError, from_problem
from launchyard.sdk.transport import Transport
from tests.unit.canned_server import Handler, Turns, canned_server, parts, problem


def transport_to(directory: Path, **options: float) -> Transport:
    return Transport(Address(socket=str(directory / "run" / "api.sock")), **options)


def test_chunked_body_is_read_in_any_slicing() -> None:
    raw = b"4\r\nWiki\r\n6;x=y\r\npedia \r\n0\r\nTrailer: 1\r\n\r\nNEXT"

    for size in range(1, len(raw) + 1):
        body, read = Body(200, {"transfer-encoding": "chunked"}), b""
        for start in range(0, len(raw), size):
            read += body.feed(raw[start : start + size])

        assert read == b"Wikipedia "
        assert body.finished


def test_body_with_length_leaves_what_follows() -> None:
    body = Body(200, {"content-length": "3"})

    read = body.feed(b"abcdef")

    assert (read, body.rest, body.finished) == (b"abc", b"def", True)


def test_chunk_without_size_is_refused() -> None:
    with pytest.raises(ProtocolError, match="without a size"):
        Body(200, {"transfer-encoding": "chunked"}).feed(b"hello\r\n")


def test_requests_share_one_connection(tmp_path: Path) -> None:
    with canned_server(tmp_path) as server:
        connections: list[int] = []

        def answer(handler: Handler) -> None:
            connections.append(id(handler.connection))
            handler.send(200, b"{}")

        server.answers["GET", "/v1/status"] = answer
        transport = transport_to(tmp_path)

        for _ in range(3):
            transport.json("GET", "/v1/status")

        assert len(connections) == 3
        assert len(set(connections)) == 1


def test_problem_becomes_the_exception_of_its_status(tmp_path: Path) -> None:
    with canned_server(tmp_path) as server:
        server.answers["POST", "/v1/jobs/9/hold"] = problem(409, "Job 9 runs.", "conflict")

        with pytest.raises(Conflict, match=r"^Job 9 runs\.$") as caught:
            transport_to(tmp_path).json("POST", "/v1/jobs/9/hold")

        assert caught.value.status == 409
        assert caught.value.code == "conflict"


def test_unknown_status_without_json_still_says_a_sentence() -> None:
    error = from_problem(418, b"<html>")

    assert isinstance(error, Invalid)
    assert str(error) == "The server answered with status 418."
    assert error.status == 418


def test_lost_get_is_sent_again_and_lost_post_is_not(tmp_path: Path) -> None:
    with canned_server(tmp_path) as server:
        server.answers["GET", "/v1/status"] = Turns(Handler.cut, {"version": "1"})
        server.answers["POST", "/v1/jobs/1/cancel"] = Turns(Handler.cut, {})
        transport = transport_to(tmp_path)

        assert transport.json("GET", "/v1/status") == {"version": "1"}
        with pytest.raises(ConnectionLost):
            transport.json("POST", "/v1/jobs/1/cancel")

        assert server.lines() == ["GET /v1/status", "GET /v1/status", "POST /v1/jobs/1/cancel"]


def test_lost_post_with_a_key_is_sent_again_with_the_same_key(tmp_path: Path) -> None:
    with canned_server(tmp_path) as server:
        server.answers["POST", "/v1/jobs"] = Turns(Handler.cut, Handler.cut, {"id": 1})
        transport = transport_to(tmp_path)

        answer = transport.json("POST", "/v1/jobs", {"command": "x"}, headers={"Idempotency-Key": "k1"})

        assert answer == {"id": 1}
        assert [asked.headers["idempotency-key"] for asked in server.asked] == ["k1"] * 3


def test_server_that_answered_once_is_waited_for(tmp_path: Path) -> None:
    with canned_server(tmp_path) as server:
        server.answers["GET", "/v1/status"] = {"n": 1}
        transport = transport_to(tmp_path, patience_s=30)
        transport.json("GET", "/v1/status")
        transport.close()
    (tmp_path / "run" / "api.sock").unlink()
    attempts: list[str] = []

    def attempt() -> str:
        attempts.append("tried")
        if len(attempts) < 3:
            raise NotRunning("away")
        return "back"

    assert transport.patiently(attempt) == "back"
    assert len(attempts) == 3


def test_socket_nobody_listens_at_is_not_running_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    with pytest.raises(NotRunning) as caught:
        transport_to(tmp_path).json("GET", "/v1/status")

    assert str(caught.value) == (f"no Launchyard is running here (looked at {path}): start one with `ly up`")


def test_stream_gives_what_comes_and_says_when_it_is_cut(tmp_path: Path) -> None:
    with canned_server(tmp_path) as server:
        server.answers["GET", "/v1/events"] = parts(b"one", b"two", cut=True)
        stream = transport_to(tmp_path).stream("/v1/events")
        read: list[bytes] = []

        with pytest.raises(ConnectionLost):
            read.extend(stream)

        assert b"".join(read) == b"onetwo"


def test_sockets_of_the_usual_places_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("launchyard.sdk.address.SYSTEM_STATE", str(tmp_path / "system"))

    with pytest.raises(NotRunning) as caught:
        find(environ={})
    own = tmp_path / ".local/state/launchyard/run/api.sock"
    looked_at = f"{own}, {tmp_path}/system/run/api.sock"
    assert str(caught.value) == (
        f"no Launchyard is running here (looked at {looked_at}): start one with `ly up`"
    )

    (tmp_path / "system/run").mkdir(parents=True)
    (tmp_path / "system/run/api.sock").touch()
    assert find(environ={}) == Address(socket=f"{tmp_path}/system/run/api.sock")


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://host", "http://", "http://host:port", "http://host:99999"]
)
def test_url_that_is_none_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(Invalid, match=r"write it like http://127\.0\.0\.1:8265"):
        from_url(url, {})


def test_url_carries_prefix_and_token() -> None:
    address = from_url("https://yard.example/base/", {"LAUNCHYARD_TOKEN": " secret\n"})

    assert (address.host, address.port, address.tls) == ("yard.example", 443, True)
    assert (address.prefix, address.token) == ("/base", "secret")
    assert not address.local


def test_token_file_that_others_can_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".config/launchyard/token"
    path.parent.mkdir(parents=True)
    path.write_text("secret\n")
    path.chmod(0o644)

    with pytest.raises(Forbidden, match="run: chmod 600"):
        token({})
    path.chmod(0o600)

    assert token({}) == "secret"


def test_not_found_is_the_servers_own_sentence(tmp_path: Path) -> None:
    with canned_server(tmp_path), pytest.raises(NotFound, match="no such thing: /v1/jobs/9"):
        transport_to(tmp_path).json("GET", "/v1/jobs/9")


def test_body_is_json_with_its_length(tmp_path: Path) -> None:
    with canned_server(tmp_path) as server:
        server.answers["POST", "/v1/jobs"] = {"id": 1}

        transport_to(tmp_path).json("POST", "/v1/jobs", {"name": "ä"})

        (asked,) = server.asked
        assert asked.body == {"name": "ä"}
        assert asked.headers["content-length"] == str(len(json.dumps({"name": "ä"}, separators=(",", ":"))))


def test_a_server_that_has_answered_is_waited_for_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute; one that is not known to be there, ten seconds."""
    now = [0.0]
    clock = SimpleNamespace(
        monotonic=lambda: now[0], sleep=lambda pause_s: now.__setitem__(0, now[0] + pause_s)
    )
    monkeypatch.setattr("launchyard.sdk.transport.time", clock)
    transport = transport_to(tmp_path)

    def away() -> None:
        raise ConnectionLost("away")

    with pytest.raises(ConnectionLost):
        transport.patiently(away)
    assert 10 < now[0] < 11
    transport.patiently(lambda: None)
    now[0] = 0.0
    with pytest.raises(ConnectionLost):
        transport.patiently(away)
    assert 60 < now[0] < 61

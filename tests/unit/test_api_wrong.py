"""Wrong inputs: each is refused with one sentence that names the value and what would be right."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_bench import ADA, Bench, job_of, running
from tests.pieces import first_line

JSON = {"Content-Type": "application/json"}

# What is sent, the status, and what the sentence must hold.
WRONG: list[tuple[str, str, bytes | None, int, str]] = [
    ("POST", "/v1/jobs", b"", 400, "the body is empty"),
    ("POST", "/v1/jobs", b"{", 400, "line 1 column 2"),
    ("POST", "/v1/jobs", b'{\n "command": "x",\n "name": tru\n}', 400, "line 3 column 10: expecting value"),
    ("POST", "/v1/jobs", b'{"command": "x"} junk', 400, "line 1 column 18: extra data"),
    ("POST", "/v1/jobs", b"\xef\xbb\xbf{}", 400, "byte order mark"),
    ("POST", "/v1/jobs", b'{"command": "\xff"}', 400, "not UTF-8 at line 1 column 14"),
    ("POST", "/v1/jobs", b'{"command": "\\ud800"}', 400, "not valid Unicode"),
    ("POST", "/v1/jobs", b"[" * 100_000, 400, "nested too deeply"),
    ("POST", "/v1/jobs", b'{"nice": 1e999}', 400, "out of range"),
    ("POST", "/v1/jobs", b"NaN", 400, "not understood"),
    ("POST", "/v1/jobs", b'"echo hi"', 400, "the body must be an object, not"),
    ("POST", "/v1/jobs", b"[]", 400, "the list has 0 jobs; send 1 to 1000"),
    ("POST", "/v1/jobs", b"[" + b"{}," * 1000 + b"{}]", 400, "the list has 1001 jobs"),
    ("POST", "/v1/jobs", b"{}", 400, "there is nothing to run"),
    ("POST", "/v1/jobs", b'{"comand": "x"}', 400, "did you mean 'command'?"),
    ("POST", "/v1/jobs", b'{"command": "x", "resources": {"mem": 1}}', 400, "'resources.mem'"),
    ("POST", "/v1/jobs", b'{"command": "x", "time_limit_s": "1h"}', 400, 'a whole number, not "1h"'),
    ("POST", "/v1/jobs", b'{"command": "x", "array": "0-999999999"}', 400, "too large"),
    ("POST", "/v1/jobs", b'{"command": "x", "array": "1-x"}', 400, '"1-x"'),
    ("POST", "/v1/jobs", b'{"command": "x", "after": "nope:1"}', 400, "unknown kind"),
    ("POST", "/v1/jobs", b'{"command": "x", "resources": {"nodes": 9}}', 422, "no 9 nodes; there is 1"),
    ("POST", "/v1/jobs", b'{"script": "echo hi"}', 400, "no #! line, so nothing says what runs it"),
    ("POST", "/v1/jobs", b'{"command": "x", "name": "a\\u001b[31m"}', 400, "control characters"),
    ("POST", "/v1/jobs", b'{"command": "x\\u0000"}', 400, "NUL"),
    ("POST", "/v1/jobs", b'{"command": "x", "working_dir": "here"}', 400, "not absolute"),
    ("POST", "/v1/jobs", b'{"command": "x", "uid": 0}', 400, "unknown key 'uid'"),
    ("GET", "/v1/jobs?stat=RUNNING", None, 400, "did you mean 'state'?"),
    ("GET", "/v1/jobs?state=RUNING", None, 400, "did you mean 'RUNNING'?"),
    ("GET", "/v1/jobs?limit=0", None, 400, "between 1 and 10000"),
    ("GET", "/v1/jobs?limit=1e9", None, 400, '"1e9"'),
    ("GET", "/v1/jobs?limit=5&limit=6", None, 400, "limit is given 2 times"),
    ("GET", "/v1/jobs?cursor=abc", None, 400, "cursor"),
    ("GET", "/v1/jobs?since=yesterday", None, 400, "RFC 3339"),
    ("GET", "/v1/jobs?name=%00", None, 400, "NUL"),
    ("GET", "/v1/jobs/abc", None, 400, '"abc" is not a job id'),
    ("GET", "/v1/jobs/0", None, 400, '"0" is not a job id'),
    ("GET", "/v1/jobs/-1", None, 400, "12_3 for task 3"),
    ("GET", "/v1/jobs/1_", None, 400, "is not a job id"),
    ("GET", "/v1/jobs/%D9%A1", None, 400, "is not a job id"),
    ("GET", "/v1/jobs/99999999999999999999", None, 400, "is not a job id"),
    ("GET", "/v1/jobs/999999999999999999", None, 404, "no job 999999999999999999, or it is not yours"),
    ("GET", "/v1/jobs/5/logs?stream=out", None, 400, "it is stdout, stderr or setup"),
    ("GET", "/v1/jobs/5/logs?offset=x", None, 400, "offset"),
    ("GET", "/v1/jobs/5/logs?limit=99999999999", None, 400, "limit"),
    ("GET", "/v1/jobs/5/logs?follow=maybe", None, 400, "write 1 or leave it out"),
    ("GET", "/v1/jobs/5/logs?follow=1&limit=5", None, 400, "do not go together"),
    ("POST", "/v1/jobs/5/cancel", b'{"force": true}', 400, "takes no options"),
    ("POST", "/v1/jobs/5/signal", b'{"signal": "HUPP"}', 400, "there is no signal"),
    ("POST", "/v1/jobs/5/signal", b"{}", 400, "signal is missing"),
    ("POST", "/v1/jobs/5/update", b"{}", 400, "changes nothing"),
    ("POST", "/v1/jobs/5/explode", None, 404, "there is nothing at"),
    ("POST", "/v1/nodes/n1", b'{"state": "off"}', 400, "one of drain, down, up"),
    ("POST", "/v1/nodes/n9", b'{"state": "up"}', 404, "there is no node"),
    ("POST", "/v1/tokens", b'{"name": "a\\nb"}', 400, "control characters"),
    ("DELETE", "/v1/tokens/x%1b[31m", None, 404, "no token"),
    ("DELETE", "/v1/jobs", None, 405, "DELETE is not possible"),
    ("GET", "/v2/jobs", None, 404, 'there is nothing at "/v2/jobs"'),
    ("GET", "/v1/jobs/", None, 404, "there is nothing at"),
    ("GET", "/%3Cscript%3E%1b", None, 404, "see /openapi.json"),
]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as server:
        server.put(job_of(ADA, 5))
        yield server


@pytest.mark.parametrize(("method", "path", "body", "status", "sentence"), WRONG)
def test_a_wrong_input_is_refused_with_one_sentence(
    bench: Bench, method: str, path: str, body: bytes | None, status: int, sentence: str
) -> None:
    """Threats 26, 41, 42, 45 among them."""
    refused = bench.ask(method, path, user="root", raw=body)
    assert (refused.status, sentence in refused.sentence) == (status, True), refused.body
    assert refused.sentence.isprintable()
    assert len(refused.sentence) < 250
    assert refused.json["status"] == status
    assert refused.json["code"]
    assert b"Traceback" not in refused.body
    assert b".py:" not in refused.body
    assert bench.on_loop(lambda: set(bench.controller.jobs)) == {5}


def test_a_body_over_the_limit_is_refused_before_it_is_held(bench: Bench) -> None:
    refused = bench.ask("POST", "/v1/jobs", user="ada", raw=b" " * (17 * 2**20))
    assert (refused.status, "larger than 16 MiB" in refused.sentence) == (413, True)


def test_a_chunked_body_over_the_limit_is_refused_too(bench: Bench) -> None:
    with bench.connect() as sock:
        head = (
            f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {bench.secrets['ada']}\r\n"
        )
        sock.sendall(head.encode() + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        sock.sendall((b"100000\r\n" + b" " * 2**20 + b"\r\n") * 20 + b"0\r\n\r\n")
        assert b" 413 " in first_line(sock)


@pytest.mark.long
def test_a_head_without_end_is_cut(bench: Bench) -> None:
    with bench.connect() as sock:
        sock.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n")
        endless = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(100_000))
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            sock.sendall(endless)
    assert bench.ask("GET", "/v1/health").status == 200


@pytest.mark.parametrize(
    "text",
    [
        "0-" + "1" * 40_000,
        "1," * 20_000 + "x",
        "-" * 60_000,
        "1-3999999:2," * 5 + "0",
        ",".join(f"{n}-{n + 3_000_000}:7" for n in range(2000)),
    ],
)
def test_no_expression_takes_long_to_refuse(bench: Bench, text: str) -> None:
    """Threat 42: linear parsers; a thousand times the time of a right one would be minutes."""
    begun = time.monotonic()
    for key in ("array", "after", "begin_at"):
        refused = bench.ask("POST", "/v1/jobs", {"command": "x", key: text}, user="ada")
        assert refused.status == 400
        assert len(refused.sentence) < 400
    assert time.monotonic() - begun < 10


def test_pieces_that_are_not_http_are_refused(bench: Bench) -> None:
    """Threat 43: one parser, ambiguity rejected."""
    post = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    for piece in (
        b"GARBAGE\r\n\r\n",
        post + b"Transfer-Encoding: chunked\r\n\r\n",
        post + b"Content-Length: 6\r\n\r\n",
        b"GET /v1/health HTTP/1.1\r\nHost : localhost\r\n\r\n",
    ):
        with bench.connect() as sock:
            sock.sendall(piece)
            assert first_line(sock).startswith(b"HTTP/1.1 4"), piece

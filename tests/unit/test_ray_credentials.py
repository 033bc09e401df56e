"""Who may use the Ray Jobs API without a token, and how the kernel says whose program asks."""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard import config
from launchyard.daemonuser import anonymous
from launchyard.loopback import peer_uid
from launchyard.model.errors import Invalid
from launchyard.model.rayapi import RayApiSettings
from tests.api_bench import ADA, ME, Bench, running

ASK = """
import http.client, os, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
connection.request("GET", "/api/version")
print(connection.getresponse().status)
"""


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    settings = RayApiSettings(anonymous_user="ada", anonymous_uid=ADA.uid)
    with tempfile.TemporaryDirectory() as directory, running(Path(directory), ray=settings) as server:
        yield server


def test_a_program_of_the_servers_user_is_the_named_user(bench: Bench) -> None:
    assert bench.ask("POST", "/api/jobs/", {"entrypoint": "x", "submission_id": "one"}, user="").status == 200
    assert bench.ask("GET", "/api/jobs/one", user="ada").status == 200
    assert bench.ask("GET", "/api/jobs/one", user="bob").status == 404


def test_a_token_that_is_sent_counts(bench: Bench) -> None:
    bench.ask("POST", "/api/jobs/", {"entrypoint": "x", "submission_id": "two"}, user="bob")

    assert bench.ask("GET", "/api/jobs/two", user="").status == 404
    wrong = bench.ask("GET", "/api/version", user="", headers={"Authorization": "Bearer nope"})
    assert wrong.status == 403
    assert wrong.body.startswith(b"Forbidden: Invalid authentication token")


def test_a_header_that_is_no_token_counts_for_nothing(bench: Bench) -> None:
    other = {"Authorization": "TOK:<MY_TOKEN>"}

    assert bench.ask("GET", "/api/version", user="", headers=other).status == 200
    beside = {**other, "X-Ray-Authorization": "Bearer nope"}
    assert bench.ask("GET", "/api/version", user="", headers=beside).status == 403


def test_nothing_but_the_ray_jobs_api_is_open(bench: Bench) -> None:
    assert bench.ask("GET", "/v1/jobs", user="").status == 401
    assert bench.ask("GET", "/v1/tokens", user="").status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Mozilla/5.0"},
        {"Referer": "http://127.0.0.1/"},
        {"Sec-Fetch-Mode": "navigate"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"Forwarded": "for=10.0.0.1"},
        {"Via": "1.1 proxy"},
    ],
)
def test_pages_and_proxies_need_a_token(bench: Bench, headers: dict[str, str]) -> None:
    assert bench.ask("GET", "/api/jobs/", user="", headers=headers).status == 401


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_program_of_another_user_needs_a_token(bench: Bench) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASK, str(bench.port)], capture_output=True, text=True, check=True
    )

    assert asked.stdout.strip() == "401"


def test_the_kernel_says_whose_socket_it_is() -> None:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as listening:
            listening.bind((host, 0))
            listening.listen()
            with socket.create_connection(listening.getsockname()[:2]) as client:
                served, _ = listening.accept()
                with served:
                    ours, theirs = client.getsockname()[:2], served.getsockname()[:2]
                    assert peer_uid(ours, theirs) == ME
                    client.close()
                    assert peer_uid(ours, theirs) is None


def test_only_a_connection_that_is_held_counts(tmp_path: Path) -> None:
    line = "0: 0100007F:9C40 0100007F:2049 {state} 00000000:00000000 00:00000000 00000000 {uid} 0 1 1"
    client, server = ("127.0.0.1", 40000), ("127.0.0.1", 8265)
    for state, uid, expected in (("01", 1000, 1000), ("06", 0, None), ("08", 1000, None)):
        (tmp_path / "tcp").write_text(f"head\n  {line.format(state=state, uid=uid)}\n")
        assert peer_uid(client, server, tmp_path) == expected
    assert peer_uid(("10.0.0.1", 40000), server, tmp_path) is None
    assert peer_uid(None, server, tmp_path) is None


def test_the_anonymous_user_must_exist_and_be_served() -> None:
    with pytest.raises(Invalid, match="no such user"):
        anonymous(RayApiSettings(anonymous_user="nobody-has-this-name"), None)
    with pytest.raises(Invalid, match="serves uid 12345 alone"):
        anonymous(RayApiSettings(anonymous_user="root"), 12345)
    assert anonymous(RayApiSettings(anonymous_user="root"), None).anonymous_uid == 0
    assert anonymous(RayApiSettings(), 12345).anonymous_uid is None


def test_the_configuration_is_read() -> None:
    text = '[ray_api]\nversion = "2.50.1"\nprefix = "/clusters/ray"\nanonymous_user = "ada"\n'

    assert config.check(text, "here").ray_api == RayApiSettings(
        version="2.50.1", prefix="/clusters/ray", anonymous_user="ada"
    )
    assert config.check("", "here").ray_api == RayApiSettings()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('version = "two"', "is not understood"),
        ('version = "1.9"', "2.8 or newer"),
        ('prefix = "ray"', "the prefix"),
        ('prefix = "/"', "the prefix"),
        ('prefix = "/api"', "the prefix"),
        ('prefix = "/a/../b"', "the prefix"),
        ('anonymous_users = "x"', "did you mean anonymous_user"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_line(line: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        config.check(f"[ray_api]\n{line}\n", "here")
    assert "line 2" in str(caught.value)


def test_the_prefix_can_be_another_or_none() -> None:
    for prefix, status in (("", 404), ("/x", 200)):
        settings = RayApiSettings(prefix=prefix)
        with tempfile.TemporaryDirectory() as directory, running(Path(directory), ray=settings) as server:
            assert server.ask("GET", "/api/version", user="ada").status == 200
            assert server.ask("GET", "/x/api/version", user="ada").status == status


def test_a_connection_that_is_kept_is_looked_at_each_time(bench: Bench) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
    for headers, status in (({}, 200), ({"User-Agent": "Mozilla/5.0"}, 401), ({}, 200)):
        connection.request("GET", "/api/version", headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status == status
    connection.close()

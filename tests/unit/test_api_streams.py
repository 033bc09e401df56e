"""What goes on: event streams and followed logs, with slow clients, revocations and a server that stops."""

import asyncio
import http.client
import json
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from launchyard.api import events
from launchyard.api.connection import WAITING_MAX_BYTES, ClientProtocol
from launchyard.api.context import Context
from launchyard.api.events import EventHub, Hearer, Told
from launchyard.api.routes.logs import MARK
from launchyard.model.account import Account
from launchyard.model.array import Array, Indexes
from launchyard.model.event import NodeMoved, StateChanged
from launchyard.model.job import Attempt
from launchyard.model.node import NodeState
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.rules import Rules
from launchyard.model.state import JobState
from launchyard.model.submission import Caller
from launchyard.policy.rights import sight
from launchyard.wire import moves
from launchyard.wire.shape import names
from tests.api_bench import ADA, BOB, ROOT, T0, Bench, as_rules, eventually, job_of, running

ATTEMPT = Attempt(
    number=1,
    launch_id="l1",
    epoch="e",
    allocation=Allocation(shares=(NodeShare(node="n1", cpus_milli=1000, memory_mib=64),)),
    allocated_at=T0,
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as server:
        yield server


class Stream:
    """An open event stream; `next` is the next event that is not a comment."""

    def __init__(self, bench: Bench, user: str, last_id: str | None = None, query: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
        headers = {"Authorization": f"Bearer {bench.secrets[user]}"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        self.connection.request("GET", f"/v1/events{query}", headers=headers)
        self.response = self.connection.getresponse()
        self.id: str | None = None
        assert self.response.status == 200

    def block(self) -> dict[str, str]:
        told: dict[str, str] = {}
        while line := self.response.readline().decode().rstrip("\n"):
            name, _, value = line.partition(":")
            told[name] = value.removeprefix(" ")
        self.id = told.get("id", self.id)
        return told

    def next(self) -> tuple[str, dict[str, Any]]:
        while True:
            told = self.block()
            if "event" in told:
                return told["event"], json.loads(told["data"])
            assert told, "the stream ended"


@contextmanager
def listening(bench: Bench, user: str, last_id: str | None = None, query: str = "") -> Iterator[Stream]:
    stream = Stream(bench, user, last_id, query)
    try:
        stream.block()
        yield stream
    finally:
        stream.connection.close()


def test_an_event_tells_what_moved(bench: Bench) -> None:
    with listening(bench, "ada") as stream:
        bench.put(job_of(ADA, 5))
        bench.put(job_of(ADA, 5, state=JobState.RUNNING))
        assert stream.next()[1]["state"] == "PENDING"
        kind, data = stream.next()
    assert (kind, data["job_id"], data["state"], data["previous"]) == ("job", 5, "RUNNING", "PENDING")
    assert data["at"] == "2027-01-15T08:00:00Z"
    assert list(data) == names(moves.JobMoved)


def test_events_go_to_the_owner_and_to_administrators_only(bench: Bench) -> None:
    """Threat 10, for events."""
    with listening(bench, "bob") as bobs, listening(bench, "root") as roots:
        bench.put(job_of(ADA, 5))
        bench.put(job_of(BOB, 6))
        assert bobs.next()[1]["job_id"] == 6
        assert [roots.next()[1]["job_id"] for _ in range(2)] == [5, 6]


def test_a_coordinator_hears_of_the_jobs_of_the_account_also_of_missed_ones(tmp_path: Path) -> None:
    """What lists show moves on before one's eyes, and nothing else does."""
    coordinated = {"physics": Account(name="physics", coordinators=("bob",)), "arts": Account(name="arts")}
    with running(tmp_path) as bench:
        as_rules(bench, Rules(accounts=coordinated))
        with listening(bench, "bob") as bobs:
            bench.put(job_of(ADA, 5, account="arts"))
            bench.put(job_of(ADA, 6, account="physics"))
            event = bobs.next()[1]
            assert (event["job_id"], event["user"], event["account"]) == (6, "ada", "physics")
            last = bobs.id
        bench.put(job_of(ADA, 7))
        bench.put(job_of(ADA, 8, account="physics"))
        with listening(bench, "bob", last) as bobs:
            assert bobs.next()[1]["job_id"] == 8


def test_everybody_hears_of_nodes_also_of_missed_ones(bench: Bench) -> None:
    """Who may look at all sees them in `/v1/nodes`."""
    with listening(bench, "bob") as bobs, listening(bench, "root") as roots:
        drain(bench, "new disks")
        heard = [bobs.next(), roots.next()]
        last = bobs.id
    drain(bench, "")
    with listening(bench, "bob", last) as bobs:
        assert bobs.next()[1]["reason"] is None
    assert [kind for kind, _ in heard] == ["node", "node"]
    assert list(heard[0][1].items()) == list(heard[1][1].items())
    assert list(heard[0][1]) == names(moves.NodeMoved)
    data = {"name": "n1", "cluster": "local", "state": "DRAIN", "previous": "UP", "reason": "new disks"}
    assert heard[0][1] == {**data, "at": "2027-01-15T08:00:00Z"}


def drain(bench: Bench, reason: str) -> None:
    """As the controller tells of it."""
    state, before = NodeState.DRAIN, NodeState.UP
    moved = NodeMoved(name="n1", cluster="local", state=state, previous=before, reason=reason, at=T0)
    bench.on_loop(lambda: [tell(moved) for tell in bench.controller.told_of_nodes])


def test_where_jobs_are_shown_to_all_everybody_hears_of_them(tmp_path: Path) -> None:
    with running(tmp_path, jobs_visible_to_all=True) as bench, listening(bench, "bob") as bobs:
        bench.put(job_of(ADA, 5))
        assert bobs.next()[1]["job_id"] == 5


def test_a_client_that_comes_back_misses_nothing(bench: Bench) -> None:
    with listening(bench, "ada") as stream:
        bench.put(job_of(ADA, 1))
        stream.next()
        last = stream.id
    for number in range(2, 5):
        bench.put(job_of(ADA, number))
        bench.put(job_of(BOB, number + 100))
    stream = Stream(bench, "ada", last)
    assert [stream.next()[1]["job_id"] for _ in range(3)] == [2, 3, 4]
    stream.connection.close()


def test_a_client_that_heard_nothing_yet_has_an_id_to_come_back_with(bench: Bench) -> None:
    with listening(bench, "ada") as stream:
        last = stream.id
    bench.put(job_of(ADA, 1))
    stream = Stream(bench, "ada", last)
    assert stream.next()[1]["job_id"] == 1
    stream.connection.close()


@pytest.mark.parametrize("last", ["0-1", "0-5", "junk", "", "é", "-1", "9" * 400])
def test_an_id_that_is_not_ours_is_answered_by_reset(bench: Bench, last: str) -> None:
    bench.put(job_of(ADA, 1))
    stream = Stream(bench, "ada", last)
    assert stream.next() == ("reset", {})
    bench.put(job_of(ADA, 2))
    assert stream.next()[1]["job_id"] == 2
    stream.connection.close()


def changed(number: int, caller: Caller = ADA) -> StateChanged:
    return StateChanged(
        seq=number,
        job_id=number,
        user=caller.user,
        state=JobState.RUNNING,
        previous=None,
        at=T0,
        account=None,
    )


async def first_words(hub: EventHub, caller: Caller, last_id: str | None) -> bytes:
    """What a client hears at once."""
    stream = hub.stream(Hearer(caller.user, sight(caller), all_sessions=False), last_id, lambda: None)
    head = await anext(stream)
    waiting = await anext(stream)
    await stream.aclose()
    return head + waiting


async def after(last: int) -> bytes:
    """What a client hears that comes back after event `last` of 6, of which the ring has 3."""
    hub = EventHub(heartbeat_s=0.01, ring_max=3)
    hub.tell([changed(number) for number in range(1, 7)])
    run = (await first_words(hub, ROOT, None)).split(b"-")[0].removeprefix(b"id: ").decode()
    return await first_words(hub, ROOT, f"{run}-{last}")


def test_a_bounded_ring_says_reset_when_it_is_too_late() -> None:
    assert b"reset" in asyncio.run(after(2))
    assert b"reset" not in asyncio.run(after(3))
    assert asyncio.run(after(3)).count(b"event: job") == 3
    assert asyncio.run(after(6)).count(b"event: job") == 0


def test_what_happened_since_a_page_knew_who_looks_is_told(bench: Bench) -> None:
    bench.put(job_of(ADA, 5))
    known = bench.ask("GET", "/v1/me", user="ada").json["last_event"]
    bench.put(job_of(ADA, 6))
    with listening(bench, "ada", query=f"?after={known}") as stream:
        assert stream.next()[1]["job_id"] == 6
    with listening(bench, "ada", stream.id, f"?after={known}") as stream:
        bench.put(job_of(ADA, 7))
        assert stream.next()[1]["job_id"] == 7, "who comes back knows better itself"


def test_a_quiet_stream_beats(tmp_path: Path) -> None:
    with running(tmp_path, heartbeat_s=0.05) as bench, listening(bench, "ada") as stream:
        assert stream.response.readline() == b": still here\n"


def test_each_event_is_encoded_once_for_all_who_listen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode = EventHub._encode

    def counted(hub: EventHub, told: Told) -> bytes:
        encoded.append(told.number)
        return encode(hub, told)

    monkeypatch.setattr(EventHub, "_encode", counted)
    streams = [Stream(bench, "ada") for _ in range(5)]
    bench.put(job_of(ADA, 5))
    assert [stream.next()[1]["job_id"] for stream in streams] == [5] * 5
    assert len(encoded) == 1
    for stream in streams:
        stream.connection.close()


def test_a_client_that_never_reads_is_dropped_and_keeps_nobody_waiting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F13: slow or never-reading client; its backlog is bounded."""
    monkeypatch.setattr(events, "BACKLOG_MAX_BYTES", 2**20)
    with bench.connect() as idle, listening(bench, "ada") as stream:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.sendall(head(bench, "GET", "/v1/events") + b"\r\n")
        eventually(lambda: len(bench.on_loop(lambda: hub_of(bench)._subscribers)) == 2)
        size = len(hub_of(bench)._encode(Told(1, changed(1))))
        total = 10 * 2**20 // size
        heard = 0
        for start in range(1, total, 5000):
            last = min(start + 5000, total)
            moved = [changed(number) for number in range(start, last)]
            bench.on_loop(partial(hub_of(bench).tell, moved))
            while heard < last - 1:
                heard = stream.next()[1]["job_id"]
        eventually(lambda: len(bench.on_loop(lambda: hub_of(bench)._subscribers)) == 1)


def head(bench: Bench, method: str, path: str) -> bytes:
    secret = bench.secrets["ada"]
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\n".encode()


def hub_of(bench: Bench) -> EventHub:
    owners = [getattr(told, "__self__", None) for told in bench.controller.told]
    (context,) = [owner for owner in owners if isinstance(owner, Context)]
    return context.events


def test_a_client_that_goes_is_forgotten(bench: Bench) -> None:
    with listening(bench, "ada"):
        pass
    eventually(lambda: not bench.on_loop(lambda: hub_of(bench)._subscribers))


def test_a_revoked_token_ends_what_it_holds_open(bench: Bench) -> None:
    """Threat 30: revocation is immediate, also for streams."""
    made = bench.ask("POST", "/v1/tokens", {}, user="ada").json
    bench.put(job_of(ADA, 5, state=JobState.RUNNING))
    paths = ("/v1/events", "/v1/jobs/5/logs?follow=1")
    opened = []
    for path in paths:
        connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
        connection.request("GET", path, headers={"Authorization": f"Bearer {made['token']}"})
        opened.append((connection, connection.getresponse()))
    bench.ask("DELETE", f"/v1/tokens/{made['id']}", user="ada")
    for connection, response in opened:
        response.read()
        connection.close()


@pytest.mark.alone
def test_a_stop_ends_what_is_open_within_seconds(tmp_path: Path) -> None:
    """F29: drain HTTP, under 5 s."""
    with running(tmp_path) as bench:
        bench.put(job_of(ADA, 5, state=JobState.RUNNING))
        stream = Stream(bench, "ada")
        log = follow(bench, 5)
        idle = bench.connect()
        stalled = bench.connect()
        stalled.sendall(head(bench, "POST", "/v1/jobs") + b"Content-Length: 10\r\n\r\n{")
        eventually(lambda: bench.on_loop(requests_open) == 3)
        begun = time.monotonic()
    assert time.monotonic() - begun < 8
    stream.response.read()
    assert log.read() == b""
    idle.close()
    stalled.close()


def requests_open() -> int:
    return sum("run_asgi" in repr(task) for task in asyncio.all_tasks())


# ---- logs


def follow(bench: Bench, job_id: int, query: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
    headers = {"Authorization": f"Bearer {bench.secrets['ada']}"}
    connection.request("GET", f"/v1/jobs/{job_id}/logs?follow=1{query}", headers=headers)
    return connection.getresponse()


def test_a_log_is_bytes_that_no_browser_shows(bench: Bench) -> None:
    """Threat 24, 25: raw bytes, and only as such."""
    content = b"\x1b[31m<script>\xff\x00" * 10
    bench.logs.contents[5] = content
    bench.put(job_of(ADA, 5))
    log = bench.ask("GET", "/v1/jobs/5/logs", user="ada")
    assert log.body == content
    assert log.headers["content-type"] == "application/octet-stream"
    assert log.headers["x-content-type-options"] == "nosniff"
    assert log.headers["launchyard-next-offset"] == str(len(content))


def test_a_range_of_a_log(bench: Bench) -> None:
    bench.logs.contents[5] = b"0123456789"
    bench.put(job_of(ADA, 5))

    def part(query: str) -> tuple[bytes, str]:
        log = bench.ask("GET", f"/v1/jobs/5/logs?{query}", user="ada")
        return log.body, log.headers["launchyard-next-offset"]

    assert part("offset=2&limit=3") == (b"234", "5")
    assert part("offset=8") == (b"89", "10")
    assert part("offset=-3") == (b"789", "10")
    assert part("offset=-30&limit=2") == (b"01", "2")
    assert part("offset=99") == (b"", "10")


def test_a_large_log_comes_whole(bench: Bench) -> None:
    content = bytes(range(256)) * 12_000
    bench.logs.contents[5] = content
    bench.put(job_of(ADA, 5))
    log = bench.ask("GET", "/v1/jobs/5/logs", user="ada")
    assert log.body == content
    assert log.headers["launchyard-next-offset"] == str(len(content))


def test_a_job_without_output_has_an_empty_log(bench: Bench) -> None:
    array = Array(waiting=Indexes(((0, 9, 1),)), size=10, first=0, last=9)
    bench.put(job_of(ADA, 5, array=array))
    assert bench.ask("GET", "/v1/jobs/5/logs", user="ada").body == b""
    assert bench.ask("GET", "/v1/jobs/5_3/logs", user="ada").body == b""
    assert bench.ask("GET", "/v1/jobs/5_3/logs?follow=1", user="ada").status == 409


def test_following_ends_when_the_job_has_ended_and_all_was_read(bench: Bench) -> None:
    bench.logs.contents[5] = b"one "
    bench.put(job_of(ADA, 5, state=JobState.PENDING))
    log = follow(bench, 5)
    bench.put(job_of(ADA, 5, state=JobState.RUNNING, attempt=ATTEMPT))
    assert log.read(4) == b"one "
    bench.on_loop(lambda: bench.logs.contents.update({5: b"one two "}))
    assert log.read(4) == b"two "
    bench.on_loop(lambda: bench.logs.contents.update({5: b"one two three"}))
    bench.put(job_of(ADA, 5, state=JobState.COMPLETED, attempt=ATTEMPT))
    assert log.read() == b"three"
    assert len(bench.controller.told) == 1


def test_following_an_ended_job_reads_it_from_the_offset(bench: Bench) -> None:
    bench.logs.contents[5] = b"0123456789"
    bench.put(job_of(ADA, 5, state=JobState.COMPLETED))
    assert follow(bench, 5, "&offset=7").read() == b"789"


def test_a_log_that_was_cut_at_its_cap_ends_with_a_mark(bench: Bench) -> None:
    bench.logs.contents[5] = b"a lot"
    bench.logs.capped.add(5)
    bench.put(job_of(ADA, 5, state=JobState.FAILED, cause="its log grew over the limit"))
    assert bench.ask("GET", "/v1/jobs/5/logs", user="ada").body == b"a lot" + MARK
    assert bench.ask("GET", "/v1/jobs/5/logs?limit=2", user="ada").body == b"a "
    assert bench.ask("GET", "/v1/jobs/5/logs?offset=5", user="ada").body == b""
    assert follow(bench, 5).read() == b"a lot" + MARK


def test_who_followed_a_log_until_its_cap_is_told_so_too(bench: Bench) -> None:
    bench.logs.contents[5] = b"a lot"
    bench.put(job_of(ADA, 5, state=JobState.RUNNING, attempt=ATTEMPT))
    log = follow(bench, 5)
    assert log.read(5) == b"a lot"
    bench.on_loop(lambda: bench.logs.capped.add(5))
    bench.put(job_of(ADA, 5, state=JobState.FAILED, attempt=ATTEMPT, cause="its log grew over the limit"))
    assert log.read() == MARK


def test_of_what_a_client_does_not_read_little_waits_here(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F12, F13: the kernel has enough of it; a thousand such clients would have it here as well."""
    sizes: list[int] = []
    pause = ClientProtocol.pause_writing

    def noted(one: ClientProtocol) -> None:
        sizes.append(one.plain.get_write_buffer_size())
        pause(one)

    monkeypatch.setattr(ClientProtocol, "pause_writing", noted)
    bench.logs.contents[5] = bytes(16 * 2**20)
    bench.put(job_of(ADA, 5, state=JobState.RUNNING, attempt=ATTEMPT))
    with bench.connect() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.sendall(head(bench, "GET", "/v1/jobs/5/logs?follow=1") + b"\r\n")
        eventually(lambda: bool(sizes))
    assert all(WAITING_MAX_BYTES < size < WAITING_MAX_BYTES + 2_000 for size in sizes), sizes


def test_a_reader_who_leaves_ends_the_following(bench: Bench) -> None:
    bench.put(job_of(ADA, 5, state=JobState.RUNNING, attempt=ATTEMPT))
    log = follow(bench, 5)
    eventually(lambda: len(bench.on_loop(lambda: list(bench.controller.told))) == 2)
    log.close()
    eventually(lambda: len(bench.on_loop(lambda: list(bench.controller.told))) == 1)

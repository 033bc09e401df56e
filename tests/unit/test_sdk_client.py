"""`Client`: what it sends, and how it waits and follows while the server comes and goes."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

import launchyard
from launchyard.model.errors import Infeasible, Invalid
from launchyard.sdk.client import Client
from launchyard.sdk.errors import TimedOut
from launchyard.sdk.events import EventParser
from launchyard.sdk.jobs import Job
from launchyard.sdk.submission import JobOptions, job_body, update_body
from launchyard.wire.submit import Resources, SubmitJob, UpdateJob
from tests.unit.canned_server import CannedServer, Handler, Turns, canned_server, events, job_json, parts


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CannedServer]:
    with canned_server(tmp_path) as canned:
        yield canned


@pytest.fixture
def client(server: CannedServer) -> Iterator[Client]:
    with Client(state=str(server.state), timeout_s=30) as connected:
        yield connected


MOVED = b'id: r-2\nevent: job\ndata: {"job_id": 17, "state": "RUNNING"}\n\n'


def test_every_option_has_its_place_in_the_body() -> None:
    body = job_body(
        None,
        {
            "cpus": 4,
            "memory": "8G",
            "gpus": 1,
            "nodes": 2,
            "time_limit": "2h",
            "begin": 0,
            "warning_signal": "USR1",
            "warning_before_s": 30,
            "name": "train",
            "hold": True,
        },
        script="#!/bin/sh\n",
        arguments=["a"],
    )

    assert body == {
        "name": "train",
        "hold": True,
        "script": "#!/bin/sh\n",
        "arguments": ["a"],
        "resources": {"cpus": 4, "gpus": 1, "nodes": 2, "memory_mib": 8192},
        "time_limit_s": 7200,
        "begin_at": "1970-01-01T00:00:00Z",
        "warning": {"signal": "USR1", "before_s": 30},
    }


def test_bodies_have_no_key_that_the_server_does_not_know() -> None:
    text_options = ["name", "partition", "account", "qos", "cluster", "group", "array", "after", "stdout"]
    options: dict[str, Any] = dict(
        dict.fromkeys(text_options, "x"),
        cpus=1,
        memory=1,
        gpus="a100:2",
        nodes="2-4",
        tasks=4,
        tasks_per_node=2,
        exclusive=True,
        constraint="x",
        nodelist="n1",
        exclude=["n2"],
        licences="a:2,b",
        reservation="x",
        time_min="1h",
        time_limit=60,
        begin=1,
        nice=1,
        requeue=True,
        hold=True,
        append=False,
        terminal=True,
        dry_run=True,
        working_dir="/",
        environment={},
        stderr="x",
        warning_signal=1,
        warning_before_s=1,
        submission_id="x",
        metadata={},
    )

    body = job_body(["x"], cast(JobOptions, options))
    changes = update_body({"name": "x", "cpus": 1, "memory": "1G", "gpus": 0, "time_limit": 1, "nice": 1})

    assert set(body) <= {field.name for field in dataclasses.fields(SubmitJob)}
    assert set(body["resources"]) == {field.name for field in dataclasses.fields(Resources)}
    asked = {"gpus": 2, "gpu_type": "a100", "nodes": 2, "nodes_max": 4, "licences": {"a": 2, "b": 1}}
    assert asked.items() <= body["resources"].items()
    assert set(changes) <= {field.name for field in dataclasses.fields(UpdateJob)}


def test_submit_carries_a_key_and_answers_a_job(server: CannedServer, client: Client) -> None:
    server.answers["POST", "/v1/jobs"] = job_json(17)

    job = client.submit(["python", "train.py"], cpus=2, memory="4G")

    assert isinstance(job, launchyard.Job)
    assert (job.id, job.state, job.resources.cpus, job.nothing_like_that) == (17, "PENDING", 4, None)
    assert server.asked[0].body == {
        "command": ["python", "train.py"],
        "resources": {"cpus": 2, "memory_mib": 4096},
    }
    assert len(server.asked[0].headers["idempotency-key"]) == 32


def test_submit_many_answers_a_job_or_an_error_an_item(server: CannedServer, client: Client) -> None:
    refusal = {"error": {"status": 422, "detail": "No node has 512 GiB.", "code": "infeasible"}}
    server.answers["POST", "/v1/jobs"] = [job_json(1), refusal]

    first, second = client.submit_many([job_body("a"), job_body("b")])

    assert isinstance(first, Job)
    assert isinstance(second, Infeasible)
    assert str(second) == "No node has 512 GiB."


def test_submitting_neither_command_nor_script_is_refused(client: Client) -> None:
    with pytest.raises(Invalid, match="either a command or a script"):
        client.submit()


def test_jobs_are_read_page_by_page(server: CannedServer, client: Client) -> None:
    server.answers["GET", "/v1/jobs"] = Turns(
        {"jobs": [job_json(3), job_json(2)], "next": "2"}, {"jobs": [job_json(1)], "next": None}
    )

    jobs = client.jobs(state=["PENDING", "RUNNING"])

    assert [job.id for job in jobs] == [3, 2, 1]
    assert server.lines() == [
        "GET /v1/jobs?state=PENDING,RUNNING&limit=1000",
        "GET /v1/jobs?state=PENDING,RUNNING&limit=1000&cursor=2",
    ]


def test_wait_ends_with_the_event_that_ends_the_job(server: CannedServer, client: Client) -> None:
    server.answers["GET", "/v1/events"] = events(b"id: r-1\n\n", MOVED)
    server.answers["GET", "/v1/jobs/17"] = Turns(job_json(17), job_json(17, state="COMPLETED", exit_code=0))

    job = client.wait(17, timeout_s=60)

    assert job.succeeded
    assert server.lines().count("GET /v1/events") == 1


def test_wait_passes_over_events_that_are_not_of_jobs(server: CannedServer, client: Client) -> None:
    """Of nodes, and of kinds that it does not know."""
    node = b'id: r-2\nevent: node\ndata: {"name": "n1", "state": "DRAIN"}\n\n'
    later = b"id: r-3\nevent: weather\ndata: [1]\n\n"
    server.answers["GET", "/v1/events"] = events(b"id: r-1\n\n", node, later, MOVED)
    server.answers["GET", "/v1/jobs/17"] = Turns(job_json(17), job_json(17, state="COMPLETED", exit_code=0))

    assert client.wait(17, timeout_s=60).succeeded
    assert server.lines().count("GET /v1/jobs/17") == 2


def test_wait_reads_the_jobs_anew_when_events_were_missed(server: CannedServer, client: Client) -> None:
    server.answers["GET", "/v1/events"] = Turns(
        parts(b"id: r-1\n\n", cut=True), events(b"id: s-9\nevent: reset\ndata: {}\n\n")
    )
    server.answers["GET", "/v1/jobs/17"] = Turns(job_json(17), job_json(17, state="FAILED", exit_code=1))

    job = client.wait(17, timeout_s=60)

    assert job.state == "FAILED"
    assert [asked.headers.get("last-event-id") for asked in server.asked if "events" in asked.path] == [
        None,
        "r-1",
    ]


def test_wait_that_takes_too_long_names_the_job(server: CannedServer, client: Client) -> None:
    server.answers["GET", "/v1/events"] = events(b"id: r-1\n\n")
    server.answers["GET", "/v1/jobs/17"] = job_json(17)

    with pytest.raises(TimedOut, match=r"job 17 has not ended after 0\.05 s; it goes on"):
        client.wait(17, timeout_s=0.05)


def test_logs_go_on_where_the_connection_was_lost(server: CannedServer, client: Client) -> None:
    server.answers["GET", "/v1/jobs/17/logs"] = Turns(parts(b"one\n", cut=True), parts(b"two\n"))
    server.answers["GET", "/v1/jobs/17"] = job_json(17, state="COMPLETED")

    text = b"".join(client.logs(17, follow=True))

    assert text == b"one\ntwo\n"
    assert server.lines() == [
        "GET /v1/jobs/17/logs?follow=1",
        "GET /v1/jobs/17/logs?offset=4&follow=1",
        "GET /v1/jobs/17",
    ]


def test_logs_go_on_when_the_server_stops_in_good_order(server: CannedServer, client: Client) -> None:
    server.answers["GET", "/v1/jobs/17/logs"] = Turns(parts(b"one\n"), parts(b"two\n"))
    server.answers["GET", "/v1/jobs/17"] = Turns(job_json(17, state="RUNNING"), job_json(17, state="FAILED"))

    assert b"".join(client.logs(17, follow=True)) == b"one\ntwo\n"


def test_rerun_keeps_what_was_asked_and_takes_the_changes(server: CannedServer, client: Client) -> None:
    server.answers["GET", "/v1/jobs/17"] = job_json(17, command="python 'my train.py' --lr 0.1")
    server.answers["POST", "/v1/jobs"] = job_json(18)

    client.rerun(17, memory="16G")

    assert server.asked[-1].body == {
        "command": ["python", "my train.py", "--lr", "0.1"],
        "name": "train",
        "partition": "main",
        "qos": "normal",
        "working_dir": "/home/ada",
        "resources": {"cpus": 4, "nodes": 1, "memory_mib": 16384},
        "time_limit_s": 7200,
        "metadata": {"launchyard.rerun_of": "17"},
    }


def test_rerun_tries_again_as_often_as_the_job_did(server: CannedServer, client: Client) -> None:
    retries = {"count": 3, "used": 1, "backoff_s": 60, "on": ["failed", "timeout"]}
    server.answers["GET", "/v1/jobs/17"] = job_json(17, command="true", retries=retries)

    assert client.rerun_body(17)["retries"] == {"count": 3, "backoff_s": 60, "on": ["failed", "timeout"]}


def test_retries_and_deadlines_are_sent_as_they_are_meant() -> None:
    body = job_body("true", {"retries": "3:1m", "retry_on": "timeout", "deadline": 0.0, "after": "singleton"})
    assert body["retries"] == {"count": 3, "backoff_s": 60, "on": ["timeout"]}
    assert (body["deadline_at"], body["after"]) == ("1970-01-01T00:00:00Z", "singleton")
    assert job_body("true", {"retries": 2})["retries"] == {"count": 2, "backoff_s": 10}
    with pytest.raises(Invalid, match="add --retries 3"):
        job_body("true", {"retry_on": "timeout"})


def test_rerun_of_a_shell_line_stays_a_shell_line(server: CannedServer, client: Client) -> None:
    server.answers["GET", "/v1/jobs/17"] = job_json(17, command="echo $HOME | wc -c")

    assert client.rerun_body(17)["command"] == "echo $HOME | wc -c"


def test_events_are_parsed_in_any_slicing() -> None:
    raw = b': still here\n\nid: r-7\nevent: job\ndata: {"a":\ndata: 1}\n\nevent: reset\r\ndata: {}\r\n\r\n'

    for size in range(1, len(raw) + 1):
        parser, read = EventParser(), []
        for start in range(0, len(raw), size):
            read += parser.feed(raw[start : start + size])

        assert [(event.kind, event.data) for event in read] == [("job", {"a": 1}), ("reset", {})]
        assert parser.last_id == "r-7"


def test_an_event_that_is_cut_off_after_its_id_comes_again(server: CannedServer, client: Client) -> None:
    cut_at = MOVED.index(b"data")
    server.answers["GET", "/v1/events"] = Turns(
        parts(b"id: r-1\n\n", MOVED[:cut_at], cut=True), events(b": still here\n\n", MOVED)
    )

    first = next(client.events(last_id="r-1"))

    assert (first.data["job_id"], first.id) == (17, "r-2")
    asked = [one.headers.get("last-event-id") for one in server.asked if "events" in one.path]
    assert asked == ["r-1", "r-1"]


def test_a_task_that_has_no_id_yet_is_waited_for_however_much_else_happens(
    server: CannedServer, client: Client
) -> None:
    most, told, pause = 6000, [0], threading.Event()

    def never_silent(handler: Handler) -> None:
        handler.begin_parts()
        while told[0] < most:
            handler.send_part(b'id: r-%d\nevent: job\ndata: {"job_id": 99}\n\n' % told[0])
            told[0] += 1
            pause.wait(0.01)

    server.answers["GET", "/v1/events"] = never_silent
    task = {"job_id": 17, "index": 3}
    server.answers["GET", "/v1/jobs/17_3"] = Turns(
        job_json(17, array=task), job_json(18, array=task, state="COMPLETED", exit_code=0)
    )

    for moved in client.watch(["17_3"], poll_s=0.1):
        last = moved["17_3"]

    assert (last.id, last.state) == (18, "COMPLETED")
    assert told[0] < most


def test_package_offers_its_names_and_no_others() -> None:
    assert launchyard.Client is Client
    with pytest.raises(AttributeError, match="no attribute 'Klient'"):
        launchyard.Klient  # noqa: B018

"""The routes of the Ray Jobs API as an HTTP client sees them: answers, errors, the tail, who may ask."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from launchyard.api.routes.logs import PART_BYTES
from launchyard.model.errors import Forbidden, LaunchyardError, NotFound, Unavailable
from launchyard.model.job import Attempt, Job, JobKind
from launchyard.model.raycluster import driver_id
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.state import JobState
from launchyard.model.submission import Caller
from tests.api_bench import ADA, BOB, T0, Answer, Bench, eventually, job_of, running

ONE = "/api/jobs/one"


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as one:
        yield one


@pytest.fixture
def bench(server: Bench) -> Bench:
    server.reset()
    return server


def sentence(answer: Answer) -> str:
    assert answer.headers["content-type"] == "text/plain; charset=utf-8", answer.body
    return answer.body.decode()


def submit(bench: Bench, user: str = "ada", **body: Any) -> Answer:
    return bench.ask("POST", "/api/jobs/", {"entrypoint": "echo hi", **body}, user=user)


def attempt(number: int = 1) -> Attempt:
    allocation = Allocation(shares=(NodeShare(node="n1", cpus_milli=1000, memory_mib=1),))
    return Attempt(
        number=number,
        launch_id=f"l{number}",
        epoch="e",
        allocation=allocation,
        allocated_at=T0,
        started_at=T0,
    )


def named(job_id: int = 5, name: str = "one", caller: Caller = ADA, **more: Any) -> Job:
    return job_of(caller, job_id, submission_id=name, **more)


def dial(bench: Bench, path: str = f"{ONE}/logs/tail", user: str = "ada", **headers: str) -> ClientConnection:
    sent = {"Authorization": f"Bearer {bench.secrets[user]}", **headers}
    return connect(f"ws://127.0.0.1:{bench.port}{path}", additional_headers=sent, open_timeout=60)


def close_code(bench: Bench) -> int | None:
    """How a tail ends on which nothing comes."""
    with dial(bench) as socket, suppress(ConnectionClosed):
        socket.recv(30)
    return socket.close_code


def test_the_version_is_what_the_clients_ask_for(bench: Bench) -> None:
    for prefix in ("", "/ray"):
        told = bench.ask("GET", f"{prefix}/api/version", user="ada").json
        assert told["version"] == "4"
        assert told["ray_version"] == "2.60.0"


def test_a_job_is_submitted_and_shown(bench: Bench) -> None:
    made = submit(bench, submission_id="one", metadata={"a": "b"})

    assert made.json == {"job_id": "one", "submission_id": "one"}
    told = bench.ask("GET", ONE, user="ada").json
    assert told["status"] == "PENDING"
    assert told["entrypoint"] == "echo hi"
    assert told["metadata"] == {"a": "b"}
    assert told["message"].startswith("Job has not started yet. It is waiting for resources: CPUs; about ")
    assert bench.ask("GET", f"/ray{ONE}", user="ada").json["submission_id"] == "one"


def test_every_answer_is_json_as_rays_server_names_it(bench: Bench) -> None:
    submit(bench, submission_id="one")
    asked = [("GET", "/api/version"), ("GET", "/api/jobs/"), ("GET", ONE), ("GET", f"{ONE}/logs")]
    asked += [("GET", "/api/component_activities"), ("POST", f"{ONE}/stop")]

    for method, path in asked:
        told = bench.ask(method, path, user="ada")
        assert (told.status, told.headers["content-type"]) == (200, "application/json; charset=utf-8"), path


def test_an_id_is_made_where_none_is_named(bench: Bench) -> None:
    first, second = submit(bench).json, submit(bench, submission_id="").json

    assert first["submission_id"].startswith("raysubmit_")
    assert len(first["submission_id"]) == 26
    assert first != second


def test_an_id_is_taken_once(bench: Bench) -> None:
    submit(bench, submission_id="one")

    again = submit(bench, submission_id="one")

    assert again.status == 409
    assert "already exists" in sentence(again)
    assert submit(bench, "bob", submission_id="one").status == 200


def test_a_job_waits_for_another_by_its_name(bench: Bench) -> None:
    submit(bench, submission_id="one")

    assert submit(bench, metadata={"launchyard.after": "afterok:one"}).status == 200
    missing = submit(bench, metadata={"launchyard.after": "afterok:two"})
    assert missing.status == 404
    assert "Job two does not exist" in sentence(missing)
    assert submit(bench, "bob", metadata={"launchyard.after": "afterok:one"}).status == 404


def test_the_same_request_with_its_key_is_answered_again(bench: Bench) -> None:
    body = {"entrypoint": "echo hi", "submission_id": "one"}
    answers = [
        bench.ask("POST", "/api/jobs/", body, user="ada", headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]

    assert [one.status for one in answers] == [200, 200]
    assert answers[0].json == answers[1].json


@pytest.mark.parametrize(
    ("raw", "status", "words"),
    [
        (b"", 400, "the body is empty"),
        (b"{", 400, "not JSON"),
        (b"[]", 400, "the body must be an object"),
        (b'{"entrypoint": 3}', 400, "entrypoint must be a text"),
        (b"{}", 400, "entrypoint"),
        (b'{"entrypoint": null}', 400, "entrypoint"),
        (b'{"entrypoint": "x", "key": 1}', 400, "got an unexpected keyword argument 'key'"),
        (b'{"entrypoint": "x", "submission_id": "../x"}', 400, "submission_id"),
        (b'{"entrypoint": "x", "metadata": {"launchyard.nodes": "7"}}', 422, "no 7 nodes"),
    ],
)
def test_what_is_wrong_is_one_sentence_of_text(bench: Bench, raw: bytes, status: int, words: str) -> None:
    refused = bench.ask("POST", "/api/jobs/", raw=raw, user="ada")

    assert refused.status == status
    assert words in sentence(refused)
    assert "\n" not in sentence(refused)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", "/stop"), ("DELETE", ""), ("GET", "/logs")],
)
def test_what_is_not_there_and_what_is_somebody_elses_are_one_answer(
    bench: Bench, method: str, path: str
) -> None:
    bench.put(named(caller=BOB))

    for name in ("one", "two"):
        refused = bench.ask(method, f"/api/jobs/{name}{path}", user="ada")
        assert refused.status == 404
        assert f"Job {name} does not exist" in sentence(refused)


def test_the_list_without_its_slash_is_not_there(bench: Bench) -> None:
    assert bench.ask("GET", "/api/jobs", user="ada").status == 404


def test_the_list_has_all_named_jobs_of_the_caller(bench: Bench) -> None:
    for number in range(1, 1203):
        bench.store.rows[number] = named(number, f"j{number}", state=JobState.COMPLETED, ended_at=T0)
    bench.put(named(1300, "live", state=JobState.RUNNING, attempt=attempt()))
    bench.put(job_of(ADA, 1301))
    bench.put(named(1302, "other", caller=BOB))
    bench.store.rows[1] = replace(bench.store.rows[1], forgotten=True)

    told = bench.ask("GET", "/api/jobs/", user="ada").json

    assert [one["submission_id"] for one in told] == ["live", *(f"j{n}" for n in range(1202, 1, -1))]
    assert bench.ask("GET", "/api/jobs/", user="root").json == []


def test_a_waiting_job_is_stopped_and_an_ended_one_is_not(bench: Bench) -> None:
    bench.put(named())

    assert bench.ask("POST", f"{ONE}/stop", user="ada").json == {"stopped": True}
    assert bench.ask("GET", ONE, user="ada").json["status"] == "STOPPED"
    assert bench.ask("POST", f"{ONE}/stop", user="ada").json == {"stopped": False}


def test_only_ended_jobs_are_deleted_and_their_id_stays_taken(bench: Bench) -> None:
    bench.put(named(state=JobState.RUNNING, attempt=attempt()))
    refused = bench.ask("DELETE", ONE, user="ada")
    assert refused.status == 409
    assert "but it is in a non-terminal state RUNNING" in sentence(refused)

    bench.put(named(state=JobState.COMPLETED, ended_at=T0))
    assert bench.ask("DELETE", ONE, user="ada").json == {"deleted": True}

    assert bench.ask("GET", ONE, user="ada").status == 404
    assert bench.ask("DELETE", ONE, user="ada").status == 404
    assert bench.ask("GET", "/api/jobs/", user="ada").json == []
    assert submit(bench, submission_id="one").status == 409


def test_logs_are_whole_whatever_their_size(bench: Bench) -> None:
    bench.put(named(state=JobState.COMPLETED, ended_at=T0, attempt=attempt()))
    text = 'a "quoted" line ü\n' * (3 * PART_BYTES // 20)
    bench.logs.contents[5] = text.encode()

    assert bench.ask("GET", f"{ONE}/logs", user="ada").json == {"logs": text}
    bench.logs.contents[5] = b"\xff short"
    assert bench.ask("GET", f"{ONE}/logs", user="ada").json == {"logs": "\ufffd short"}


def test_a_failed_job_tells_the_end_of_its_log(bench: Bench) -> None:
    bench.put(named(state=JobState.FAILED, exit_code=2, cause="ended with exit code 2", ended_at=T0))
    bench.logs.contents[5] = b"ModuleNotFoundError: torch\n"

    told = bench.ask("GET", ONE, user="ada").json

    assert told["message"].endswith("\nModuleNotFoundError: torch\n")
    assert told["driver_exit_code"] == 2
    assert bench.ask("GET", "/api/jobs/", user="ada").json[0]["message"] == told["message"]


def test_a_job_that_fails_once_more_tells_the_end_of_its_last_log(bench: Bench) -> None:
    for number, line in enumerate(("out of luck\n", "out of disk\n"), start=1):
        bench.put(named(state=JobState.FAILED, exit_code=2, ended_at=T0, attempts=number))
        bench.logs.contents[5] = line.encode()

        assert bench.ask("GET", ONE, user="ada").json["message"].endswith(line)


def test_the_tail_sends_everything_and_closes_when_the_job_has_ended(bench: Bench) -> None:
    bench.put(named())
    with dial(bench) as socket:
        with pytest.raises(TimeoutError):
            socket.recv(0.2)
        bench.logs.contents[5] = b"".join(b"line %d\n" % n for n in range(25))
        bench.put(named(state=JobState.RUNNING, attempt=attempt()))
        frames = [str(socket.recv(30)) for _ in range(3)]
        assert [frame.count("\n") for frame in frames] == [10, 10, 5]
        with pytest.raises(TimeoutError):
            socket.recv(0.2)
        bench.logs.contents[5] += "ünd more".encode()
        assert socket.recv(30) == "ünd more"
        bench.put(named(state=JobState.COMPLETED, ended_at=T0, attempt=attempt()))
        with pytest.raises(ConnectionClosed):
            socket.recv(30)
        assert socket.close_code == 1000


def test_the_tail_of_a_job_that_is_tried_again_goes_on(bench: Bench) -> None:
    bench.logs.contents[5] = b"first\n"
    bench.put(named(state=JobState.RUNNING, attempt=attempt(1)))
    with dial(bench) as socket:
        assert socket.recv(30) == "first\n"
        bench.put(named())
        with pytest.raises(TimeoutError):
            socket.recv(0.2)
        bench.logs.contents[5] = b"second\n"
        bench.put(named(state=JobState.RUNNING, attempt=attempt(2)))
        assert socket.recv(30) == "second\n"
        bench.put(named(state=JobState.FAILED, ended_at=T0, attempt=attempt(2)))
        with pytest.raises(ConnectionClosed):
            socket.recv(30)
        assert socket.close_code == 1000


def test_the_tail_of_a_job_that_never_ran_closes(bench: Bench) -> None:
    bench.put(named())
    with dial(bench) as socket:
        bench.put(named(state=JobState.CANCELLED, ended_at=T0))
        with pytest.raises(ConnectionClosed):
            socket.recv(30)
        assert socket.close_code == 1000


@pytest.mark.parametrize("error", [NotFound("there is no file any more"), Forbidden("nobody may read it")])
def test_a_log_that_cannot_be_read_is_said_and_the_end_is_the_jobs(
    bench: Bench, error: LaunchyardError
) -> None:
    bench.logs.fails = error
    bench.put(named(state=JobState.RUNNING, attempt=attempt()))
    with dial(bench) as socket:
        assert socket.recv(30) == f"[launchyard: {error}]\n"
        with pytest.raises(TimeoutError):
            socket.recv(0.2)
        bench.put(named(state=JobState.FAILED, ended_at=T0, attempt=attempt()))
        with pytest.raises(ConnectionClosed):
            socket.recv(30)
        assert socket.close_code == 1000
    assert str(error) in sentence(refused := bench.ask("GET", f"{ONE}/logs", user="ada"))
    assert refused.status in (404, 409)


def test_a_log_that_cannot_be_read_just_now_is_no_end(bench: Bench) -> None:
    bench.logs.fails = Unavailable("not now")
    bench.put(named(state=JobState.RUNNING, attempt=attempt()))
    with dial(bench) as socket:
        with pytest.raises(ConnectionClosed):
            socket.recv(30)
        assert socket.close_code == 1006


def test_the_tail_of_an_unknown_job_is_no_socket(bench: Bench) -> None:
    with pytest.raises(InvalidStatus) as caught, dial(bench, "/api/jobs/nope/logs/tail"):
        pass
    assert caught.value.response.status_code == 404


def test_a_server_that_stops_cuts_the_tail_without_a_goodbye(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        with running(tmp_path) as bench:
            bench.put(named(state=JobState.RUNNING, attempt=attempt()))
            code = threads.submit(close_code, bench)
            eventually(lambda: len(bench.controller.told) > 1)
        assert code.result(30) == 1006


def test_a_revoked_token_cuts_the_tail_without_a_goodbye(bench: Bench) -> None:
    bench.put(named(state=JobState.RUNNING, attempt=attempt()))
    made = bench.ask("POST", "/v1/tokens", {}, user="ada").json
    with dial(bench, Authorization=f"Bearer {made['token']}") as socket:
        bench.ask("DELETE", f"/v1/tokens/{made['id']}", user="ada")
        with pytest.raises(ConnectionClosed):
            socket.recv(30)
        assert socket.close_code == 1006


def test_a_client_that_goes_is_let_go(bench: Bench) -> None:
    bench.put(named(state=JobState.RUNNING, attempt=attempt()))
    before = len(bench.controller.told)
    with dial(bench):
        eventually(lambda: len(bench.controller.told) > before)
    eventually(lambda: len(bench.controller.told) == before)


def test_activity_is_told(bench: Bench) -> None:
    assert bench.ask("GET", "/api/component_activities?timeout=30", user="ada").json["driver"][
        "is_active"
    ] == ("INACTIVE")
    bench.put(named())
    told = bench.ask("GET", "/api/component_activities", user="ada").json["driver"]
    assert (told["is_active"], told["reason"]) == ("ACTIVE", "Number of active drivers: 1")


@pytest.mark.parametrize("path", ["/api/version", "/api/jobs/", "/ray/api/jobs/", "/api/nothing"])
def test_without_a_credential_it_is_said_what_to_run(bench: Bench, path: str) -> None:
    refused = bench.ask("GET", path, user="")

    assert refused.status == 401
    assert sentence(refused).startswith("Unauthorized: Missing authentication token")
    assert "ly ray env" in sentence(refused)


def test_which_credential_is_asked_for_is_told_to_everybody(bench: Bench) -> None:
    for prefix in ("", "/ray"):
        told = bench.ask("GET", f"{prefix}/api/authentication_mode", user="")
        assert told.json == {"authentication_mode": "token"}


def test_a_token_comes_in_one_of_three_ways(bench: Bench) -> None:
    secret = bench.secrets["ada"]
    ways = [
        {"Authorization": f"Bearer {secret}"},
        {"X-Ray-Authorization": f"Bearer {secret}"},
        {"Cookie": f"a=b; ray-authentication-token={secret}"},
    ]

    for headers in ways:
        assert bench.ask("GET", "/api/version", user="", headers=headers).status == 200
        wrong = {name: value + "x" for name, value in headers.items()}
        assert bench.ask("GET", "/api/version", user="", headers=wrong).status == 403


def test_the_cookie_opens_no_other_door(bench: Bench) -> None:
    cookie = {"Cookie": f"ray-authentication-token={bench.secrets['ada']}"}

    assert bench.ask("GET", "/v1/jobs", user="", headers=cookie).status == 401


def test_a_page_trades_its_token_for_a_cookie(bench: Bench) -> None:
    made = bench.ask("POST", "/api/authenticate", user="ada")

    assert made.status == 200
    cookie = made.headers["set-cookie"]
    assert cookie.startswith(f"ray-authentication-token={bench.secrets['ada']};")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert bench.ask("POST", "/api/authenticate", user="").status == 401


def test_a_page_of_another_site_may_not_ask(bench: Bench) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = bench.ask("POST", "/api/jobs/", {"entrypoint": "x"}, user="ada", headers=headers)
        assert refused.status == 403
        with pytest.raises(InvalidStatus), dial(bench, **headers):
            pass


def test_a_page_sees_no_values_of_variables(bench: Bench) -> None:
    bench.store.kept_texts["d"] = b'{"env_vars": {"KEY": "secret"}}'
    bench.put(named(runtime_env="d"))

    plain = bench.ask("GET", ONE, user="ada")
    page = bench.ask("GET", ONE, user="ada", headers={"User-Agent": "Mozilla/5.0"})

    assert plain.json["runtime_env"] == {"env_vars": {"KEY": "secret"}}
    assert page.json["runtime_env"] == {"env_vars": {"KEY": "<redacted>"}}
    assert b"secret" not in bench.ask("GET", "/api/jobs/", user="ada", headers={"Referer": "http://x"}).body


def driver(number: int = 10, **more: Any) -> Job:
    asked = {"kind": JobKind.DRIVER, "metadata": {"launchyard.ray": "true"}, **more}
    return named(number, driver_id(number), command=("ray-cluster",), **asked)


def test_a_cluster_that_clients_attach_to_is_a_driver_behind_what_was_submitted(bench: Bench) -> None:
    bench.put(driver(state=JobState.RUNNING, attempt=attempt()))
    bench.put(named(5))

    listed = bench.ask("GET", "/api/jobs/", user="ada").json
    told = bench.ask("GET", "/api/jobs/0a000000", user="ada").json

    assert [one["type"] for one in listed] == ["SUBMISSION", "DRIVER"]
    assert listed[1] == told
    assert (told["job_id"], told["submission_id"], told["status"]) == ("0a000000", None, "RUNNING")
    assert bench.ask("GET", "/api/jobs/0a000000", user="bob").status == 404


def test_a_driver_can_be_looked_at_only(bench: Bench) -> None:
    bench.put(driver(state=JobState.RUNNING, attempt=attempt()))
    one = "/api/jobs/0a000000"

    for method, path, act in (
        ("POST", "/stop", "stop"),
        ("DELETE", "", "delete"),
        ("GET", "/logs", "get logs of"),
    ):
        refused = bench.ask(method, one + path, user="ada")
        assert refused.status == 400
        assert f"Can only {act} submission type jobs" in sentence(refused)
    with pytest.raises(InvalidStatus) as caught:
        dial(bench, f"{one}/logs/tail")
    assert caught.value.response.status_code == 400


def test_a_driver_that_was_ended_has_not_failed(bench: Bench) -> None:
    bench.put(driver(state=JobState.CANCELLED, ended_at=T0 + 1, cause="cancelled by ada"))

    assert bench.ask("GET", "/api/jobs/0a000000", user="ada").json["status"] == "SUCCEEDED"

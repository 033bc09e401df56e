"""Submitting, listing, showing and acting, over a real server."""

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.api import diagnosis
from launchyard.model.array import Array, Indexes, Task
from launchyard.model.errors import Forbidden, StorageFull, Unavailable
from launchyard.model.state import JobState
from launchyard.model.submission import Update
from launchyard.wire import shapes
from launchyard.wire.shape import names
from tests.api_bench import ADA, BOB, T0, Bench, job_of, running

TRUE = {"command": ["true"]}


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as one:
        yield one


@pytest.fixture
def bench(server: Bench) -> Bench:
    server.reset()
    return server


def ids(answer: Any) -> list[int]:
    return [job["id"] for job in answer.json["jobs"]]


def test_a_submitted_job_is_answered_as_it_was_made(bench: Bench) -> None:
    made = bench.ask("POST", "/v1/jobs", {**TRUE, "name": "a", "resources": {"cpus": 0.5}}, user="ada")
    assert made.status == 201
    assert made.headers["content-type"] == "application/json"
    assert made.headers["x-content-type-options"] == "nosniff"
    job = made.json
    assert (job["id"], job["user"], job["name"], job["resources"]["cpus"]) == (1, "ada", "a", 0.5)
    assert (job["state"], job["reason"]) == ("PENDING", "waits for CPUs")


def test_an_array_is_one_request_and_one_record(bench: Bench) -> None:
    """Threat 41: lazy expansion; four million tasks are one job."""
    made = bench.ask("POST", "/v1/jobs", {**TRUE, "array": "0-3999999"}, user="ada")
    assert made.json["array"]["size"] == 4_000_000
    assert bench.on_loop(lambda: len(bench.controller.jobs)) == 1


def test_each_item_of_a_list_has_its_own_result(bench: Bench) -> None:
    items = [TRUE, {"comand": "x"}, {**TRUE, "resources": {"nodes": 9}}, {**TRUE, "name": "last"}]
    made = bench.ask("POST", "/v1/jobs", items, user="ada")
    assert made.status == 207
    first, typo, impossible, last = made.json
    assert (first["id"], last["id"], last["name"]) == (1, 2, "last")
    assert typo["error"]["detail"] == "unknown key 'comand'; did you mean 'command'?"
    assert impossible["error"]["status"] == 422
    assert list(typo["error"]) == names(shapes.Problem)


@pytest.mark.long
def test_a_list_without_errors_is_created(bench: Bench) -> None:
    made = bench.ask("POST", "/v1/jobs", [TRUE] * 1000, user="ada")
    assert made.status == 201
    assert [job["id"] for job in made.json] == list(range(1, 1001))


def test_the_same_request_with_the_same_key_makes_nothing_new(bench: Bench) -> None:
    key = {"Idempotency-Key": "k1"}
    first = bench.ask("POST", "/v1/jobs", TRUE, user="ada", headers=key)
    again = bench.ask("POST", "/v1/jobs", TRUE, user="ada", headers=key)
    other = bench.ask("POST", "/v1/jobs", {**TRUE, "name": "b"}, user="ada", headers=key)
    assert first.json["id"] == again.json["id"]
    assert (other.status, "Idempotency-Key" in other.sentence) == (409, True)


def test_a_repeated_list_has_each_job_in_its_place(bench: Bench) -> None:
    """The controller keeps the jobs that were made; what was refused is refused again."""
    key = {"Idempotency-Key": "k1"}
    items = [TRUE, {**TRUE, "resources": {"nodes": 9}}, {"comand": 1}, {**TRUE, "name": "last"}]
    first = bench.ask("POST", "/v1/jobs", items, user="ada", headers=key)
    again = bench.ask("POST", "/v1/jobs", items, user="ada", headers=key)
    assert (first.status, first.json) == (again.status, again.json)
    assert again.json[3]["name"] == "last"


def test_a_repeated_list_is_not_guessed_at(bench: Bench) -> None:
    key = {"Idempotency-Key": "k1"}
    bench.ask("POST", "/v1/jobs", [TRUE, TRUE], user="ada", headers=key)
    digest, results = bench.controller.keys["k1"]
    bench.controller.keys["k1"] = digest, results[1:]
    refused = bench.ask("POST", "/v1/jobs", [TRUE, TRUE], user="ada", headers=key)
    assert (refused.status, "made 2 when it first came" in refused.sentence) == (409, True)


def test_a_dry_run_makes_nothing(bench: Bench) -> None:
    told = bench.ask("POST", "/v1/jobs", {**TRUE, "dry_run": True}, user="ada")
    assert (told.status, told.json["id"], told.json["reason"]) == (200, None, "waits for CPUs")
    assert bench.on_loop(lambda: len(bench.controller.jobs)) == 0
    refused = bench.ask("POST", "/v1/jobs", {**TRUE, "dry_run": True, "resources": {"nodes": 9}}, user="ada")
    assert refused.status == 422


@pytest.mark.parametrize(
    ("error", "status"), [(Unavailable("the store is busy"), 503), (StorageFull("the disk is full"), 507)]
)
def test_what_cannot_be_made_durable_is_not_acknowledged(bench: Bench, error: Exception, status: int) -> None:
    bench.controller.fails = error
    refused = bench.ask("POST", "/v1/jobs", TRUE, user="ada")
    assert (refused.status, refused.sentence) == (status, str(error))
    assert int(refused.headers["retry-after"]) > 0


def test_a_fault_of_ours_is_an_id_and_nothing_more(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Threat 45: no traceback, path or SQL leaves; the log has them under the id."""
    bench.controller.fails = RuntimeError("SELECT * FROM jobs -- /var/lib/launchyard")
    refused = bench.ask("POST", "/v1/jobs", TRUE, user="ada")
    assert (refused.status, refused.json["code"]) == (500, "internal")
    number = refused.sentence.split()[-1]
    for secret in (b"SELECT", b"/var/lib", b"Traceback", b"RuntimeError", b".py"):
        assert secret not in refused.body
    assert any(number in record.getMessage() and record.exc_info for record in caplog.records)


def test_a_failing_store_is_an_id_too(bench: Bench) -> None:
    """Threat 45, for reads."""
    bench.store.fails = OSError("disk I/O error: /var/lib/launchyard/launchyard.db")
    refused = bench.ask("GET", "/v1/jobs/5", user="ada")
    assert refused.status == 500
    assert b"launchyard.db" not in refused.body


def test_a_page_goes_on_where_the_one_before_ended(bench: Bench) -> None:
    for number in range(1, 8):
        state = JobState.COMPLETED if number % 2 else JobState.PENDING
        bench.put(job_of(ADA, number, state=state))
    seen: list[int] = []
    cursor = ""
    while True:
        page = bench.ask("GET", f"/v1/jobs?limit=3{cursor}", user="ada")
        seen += ids(page)
        if page.json["next"] is None:
            break
        cursor = f"&cursor={page.json['next']}"
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_a_live_job_is_listed_as_it_is_and_not_as_it_was_stored(bench: Bench) -> None:
    bench.store.rows[1] = job_of(ADA, 1, state=JobState.PENDING)
    bench.put(job_of(ADA, 1, state=JobState.RUNNING))
    assert [job["state"] for job in bench.ask("GET", "/v1/jobs", user="ada").json["jobs"]] == ["RUNNING"]
    assert ids(bench.ask("GET", "/v1/jobs?state=pending", user="ada")) == []
    assert ids(bench.ask("GET", "/v1/jobs?state=PENDING,COMPLETED", user="ada")) == []
    assert ids(bench.ask("GET", "/v1/jobs?state=running", user="ada")) == [1]


def test_rows_behind_a_full_page_of_stale_ones_are_not_lost(bench: Bench) -> None:
    """The store still has jobs 4 and 5 as PENDING; they run. What is below them must not be skipped."""
    for number in range(1, 6):
        bench.store.rows[number] = job_of(ADA, number, state=JobState.FAILED)
    for number in (4, 5):
        bench.store.rows[number] = job_of(ADA, number, state=JobState.PENDING)
        bench.put(job_of(ADA, number, state=JobState.RUNNING))
    seen: list[int] = []
    cursor = ""
    while True:
        page = bench.ask("GET", f"/v1/jobs?state=PENDING,FAILED&limit=2{cursor}", user="ada")
        seen += ids(page)
        if page.json["next"] is None:
            break
        cursor = f"&cursor={page.json['next']}"
    assert seen == [3, 2, 1]


def test_a_list_is_narrowed_by_name_partition_array_and_time(bench: Bench) -> None:
    bench.put(job_of(ADA, 1, name="x", submitted_at=T0))
    bench.put(job_of(ADA, 2, partition="gpu", submitted_at=T0 + 100))
    bench.put(job_of(ADA, 3, task=Task(job_id=1, index=4)))
    assert ids(bench.ask("GET", "/v1/jobs?state=PENDING&name=x", user="ada")) == [1]
    assert ids(bench.ask("GET", "/v1/jobs?state=PENDING&partition=gpu", user="ada")) == [2]
    assert ids(bench.ask("GET", "/v1/jobs?state=PENDING&array=1", user="ada")) == [3]
    assert ids(bench.ask("GET", f"/v1/jobs?state=PENDING&since={T0 + 50}", user="ada")) == [2]
    assert ids(bench.ask("GET", "/v1/jobs?state=PENDING&since=2027-01-15T08:01:00Z", user="ada")) == [2]


@pytest.mark.parametrize("text", ["' OR 1=1 --", '"; DROP TABLE jobs; --', "%", "_", "a' UNION SELECT 1"])
@pytest.mark.parametrize("name", ["name", "user", "partition"])
def test_a_filter_is_a_value_and_never_a_piece_of_sql(bench: Bench, name: str, text: str) -> None:
    """Threat 26: SQL injection (CVE-2023-49934)."""
    bench.put(job_of(ADA, 1))
    bench.put(job_of(BOB, 2))
    query = "".join(f"%{byte:02x}" for byte in text.encode())
    assert ids(bench.ask("GET", f"/v1/jobs?{name}={query}", user="ada")) == []


@pytest.mark.long
def test_a_long_list_is_whole(bench: Bench) -> None:
    bench.ask("POST", "/v1/jobs", [TRUE] * 700, user="ada")
    listed = bench.ask("GET", "/v1/jobs?limit=500", user="ada")
    assert ids(listed) == list(range(700, 200, -1))
    assert listed.json["jobs"][0]["reason"] == "waits for CPUs"


def test_an_ended_job_is_shown_from_the_store(bench: Bench) -> None:
    bench.put(job_of(ADA, 5, state=JobState.FAILED, exit_code=3, ended_at=T0, cause="exit code 3"))
    shown = bench.ask("GET", "/v1/jobs/5", user="ada").json
    assert (shown["state"], shown["exit_code"], shown["reason"]) == ("FAILED", 3, None)
    why = bench.ask("GET", "/v1/jobs/5/why", user="ada").json
    assert (why["cause"], why["code"], why["command"]) == ("exit code 3", "exit-code", "ly logs 5")
    assert list(why) == names(shapes.Why)


def test_why_of_a_failed_job_is_found_in_its_log(bench: Bench) -> None:
    bench.put(job_of(ADA, 5, state=JobState.FAILED, exit_code=1, ended_at=T0, cause="exit code 1"))
    bench.logs.contents[5] = b"start\n" + b"x" * 300_000 + b"\nModuleNotFoundError: No module named 'torch'\n"
    why = bench.ask("GET", "/v1/jobs/5/why", user="ada").json
    assert (why["code"], why["reason"]) == ("missing-module", "No module named 'torch'")
    assert (why["line"], why["log_unread"]) == ("ModuleNotFoundError: No module named 'torch'", None)
    assert why["command"] == "pip install torch"


def test_a_dry_run_has_the_login_asked_and_waits_for_no_answer(tmp_path: Path) -> None:
    asked: list[int] = []
    goes_on = threading.Event()

    async def login(uid: int) -> dict[str, str]:
        asked.append(uid)
        while not goes_on.is_set():
            await asyncio.sleep(0.01)
        return {"FROM_LOGIN": "1"}

    with running(tmp_path, login=login) as bench:
        for body in ({**TRUE, "dry_run": True}, *[{**TRUE, "dry_run": True, "login": True}] * 3):
            assert bench.ask("POST", "/v1/jobs", body, user="ada").status == 200
        assert asked == [ADA.uid], "once, however often the form asks"
        goes_on.set()
        assert bench.ask("POST", "/v1/jobs", {**TRUE, "login": True}, user="ada").status == 201


def test_why_says_when_the_log_could_not_be_read(bench: Bench) -> None:
    bench.put(job_of(ADA, 5, state=JobState.FAILED, exit_code=137, ended_at=T0, cause="exit code 137"))
    bench.logs.fails = Forbidden("/home/ada/out.txt cannot be read by the user of the job: denied")
    why = bench.ask("GET", "/v1/jobs/5/why", user="ada").json
    assert (why["code"], why["line"]) == ("killed", None)
    assert why["log_unread"] == "/home/ada/out.txt cannot be read by the user of the job: denied"


def test_why_does_not_wait_for_a_log_that_does_not_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "PATIENCE_S", 0.05)
    bench.put(job_of(ADA, 5, state=JobState.FAILED, exit_code=139, ended_at=T0, cause="exit code 139"))
    bench.logs.answers = False
    why = bench.ask("GET", "/v1/jobs/5/why", user="ada").json
    assert why["code"] == "segmentation-fault"
    assert why["log_unread"] == "the log did not answer within 0.05 s"


def test_why_of_an_array_points_at_a_task_that_failed(bench: Bench) -> None:
    array = Array(waiting=Indexes(), size=2, first=1, last=2)
    cause = "1 of 2 tasks did not complete"
    bench.put(job_of(ADA, 12, array=array, state=JobState.FAILED, cause=cause))
    bench.put(job_of(ADA, 14, task=Task(job_id=12, index=2), state=JobState.TIMEOUT))
    why = bench.ask("GET", "/v1/jobs/12/why", user="ada").json
    assert (why["code"], why["command"]) == ("tasks", "ly why 12_2")


def test_why_of_another_users_job_is_not_told(bench: Bench) -> None:
    bench.put(job_of(ADA, 5, state=JobState.FAILED, exit_code=1, ended_at=T0))
    bench.logs.contents[5] = b"secret: command not found\n"
    refused = bench.ask("GET", "/v1/jobs/5/why", user="bob")
    assert (refused.status, b"secret" in refused.body) == (404, False)


def test_a_task_is_shown_by_its_array_and_index(bench: Bench) -> None:
    array = Array(waiting=Indexes(((5, 9, 1),)), size=10, first=0, last=9)
    bench.put(job_of(ADA, 12, array=array))
    bench.put(job_of(ADA, 13, task=Task(job_id=12, index=3), state=JobState.COMPLETED))
    assert bench.ask("GET", "/v1/jobs/12_3", user="ada").json["id"] == 13
    waiting = bench.ask("GET", "/v1/jobs/12_7", user="ada").json
    assert (waiting["id"], waiting["state"], waiting["array"]["index"]) == (12, "PENDING", 7)
    missing = bench.ask("GET", "/v1/jobs/12_10", user="ada")
    assert (missing.status, missing.sentence) == (404, "no job 12_10, or it is not yours")
    assert bench.ask("GET", "/v1/jobs/12_7", user="bob").status == 404


@pytest.mark.parametrize("action", ["cancel", "hold", "release", "requeue"])
def test_an_action_reaches_the_controller_as_its_caller(bench: Bench, action: str) -> None:
    bench.put(job_of(ADA, 5))
    done = bench.ask("POST", f"/v1/jobs/5/{action}", user="ada")
    assert (done.status, done.json["id"]) == (200, 5)
    assert bench.controller.calls == [(action, "ada", "5")]


def test_an_administrator_may_act_on_the_jobs_of_others(bench: Bench) -> None:
    bench.put(job_of(ADA, 5))
    assert bench.ask("POST", "/v1/jobs/5/cancel", user="root").json["state"] == "CANCELLED"


def test_a_signal_goes_by_name_or_number(bench: Bench) -> None:
    bench.put(job_of(ADA, 5))
    for signal in ("USR1", 10, "sigusr1"):
        assert bench.ask("POST", "/v1/jobs/5/signal", {"signal": signal}, user="ada").status == 200
    assert bench.controller.calls == [("signal", "ada", "5", 10)] * 3


def test_an_update_carries_what_changes(bench: Bench) -> None:
    bench.put(job_of(ADA, 5))
    bench.ask("POST", "/v1/jobs/5/update", {"cpus": 2, "time_limit_s": 60}, user="ada")
    assert bench.controller.calls == [("update", "ada", "5", Update(cpus_milli=2000, time_limit_s=60))]


def test_a_script_comes_back_as_it_was_and_as_nothing_that_runs(bench: Bench) -> None:
    """Threat 24: active content is never shown by a browser."""
    text = b"#!/bin/sh\n<script>alert(1)</script>\n"
    bench.store.kept_texts["d1"] = text
    bench.put(job_of(ADA, 5, script="d1"))
    bench.put(job_of(ADA, 6))
    script = bench.ask("GET", "/v1/jobs/5/script", user="ada")
    assert script.body == text
    assert script.headers["content-type"].startswith("text/plain")
    assert script.headers["x-content-type-options"] == "nosniff"
    assert script.headers["content-disposition"] == "attachment"
    assert "runs a command, not a script" in bench.ask("GET", "/v1/jobs/6/script", user="ada").sentence


def test_nodes_tell_what_is_used(bench: Bench) -> None:
    (node,) = bench.ask("GET", "/v1/nodes", user="ada").json["nodes"]
    assert list(node) == names(shapes.Node)
    assert node["used"] == {"cpus": 1.5, "memory_mib": 100, "gpus": 0, "jobs": 1}


def test_status_counts_the_callers_live_jobs(bench: Bench) -> None:
    bench.put(job_of(ADA, 1))
    bench.put(job_of(BOB, 2, state=JobState.RUNNING))
    assert bench.ask("GET", "/v1/status", user="ada").json["jobs"] == {"PENDING": 1}
    assert bench.ask("GET", "/v1/status", user="root").json["jobs"] == {"PENDING": 1, "RUNNING": 1}


def test_a_degraded_server_says_so_and_still_answers(bench: Bench) -> None:
    bench.controller.why = "the disk of /state is full"
    health = bench.ask("GET", "/v1/health", user="")
    assert (health.status, health.json) == (503, {"status": "degraded"})
    assert bench.ask("GET", "/v1/status", user="ada").json["degraded"] == "the disk of /state is full"


@pytest.mark.long
def test_the_openapi_document_describes_every_route_body_and_error(bench: Bench) -> None:
    document = bench.ask("GET", "/openapi.json", user="ada").json
    assert set(document["paths"]) >= {"/v1/jobs", "/v1/jobs/{job}/logs", "/v1/tokens/{token}", "/v1/health"}
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], path
            for status, told in operation["responses"].items():
                assert status in ("101", "303") or "$ref" in told or told["content"]
            if method == "post" and path.rsplit("/")[-1] in ("jobs", "signal", "update", "tokens", "{name}"):
                assert operation["requestBody"]["content"]["application/json"]["schema"]
    for reference in references(document):
        part: Any = document
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
    assert set(schemas["SubmitJob"]["properties"]) >= {"command", "script", "resources", "dry_run"}
    assert schemas["SubmitJob"]["additionalProperties"] is False
    assert list(schemas["Job"]["properties"])[:3] == ["id", "name", "kind"]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_connections_are_kept_and_answer_in_order(bench: Bench) -> None:
    with bench.connect() as sock:
        request = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        sock.sendall(request * 3)
        answers = b""
        while answers.count(b'{"status":"ok"}') < 3:
            answers += sock.recv(4096)
    assert b"server:" not in answers.lower()

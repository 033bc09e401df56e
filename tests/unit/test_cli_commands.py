"""`ly` against canned answers: what is printed, word for word, what is sent, and the exit code."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.cli.main import main
from launchyard.model.when import rfc3339
from tests.unit.canned_server import (
    CannedServer,
    Turns,
    canned_server,
    events,
    job_json,
    parts,
    problem,
)

Ly = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CannedServer]:
    monkeypatch.setenv("LAUNCHYARD_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("LAUNCHYARD_URL", raising=False)
    with canned_server(tmp_path / "state") as canned:
        yield canned


@pytest.fixture
def ly(capfdbinary: pytest.CaptureFixture[bytes]) -> Ly:
    """Runs `ly` and answers exit code, standard output and standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return run


def ago(seconds: float) -> str:
    return rfc3339(time.time() - seconds)


def ended_job(job_id: int = 17, **changes: Any) -> dict[str, Any]:
    return job_json(
        job_id,
        **{
            "state": "COMPLETED",
            "exit_code": 0,
            "started_at": "2026-11-21T10:00:10Z",
            "ended_at": "2026-11-21T10:00:22Z",
            **changes,
        },
    )


def test_submit_says_what_was_defaulted_and_why_it_waits(server: CannedServer, ly: Ly) -> None:
    now = time.time()
    server.answers["POST", "/v1/jobs"] = job_json(
        17,
        reason="waits for 2 more CPUs",
        estimate={"start": rfc3339(now + 1201), "low": rfc3339(now + 601), "high": rfc3339(now + 2701)},
    )

    code, out, err = ly("submit", "-c4", "--mem", "8G", "-t", "2h", "--", "python", "train.py")

    assert (code, err) == (0, "")
    assert out == (
        "Job 17: 4 CPUs, 8 GiB, 2 h. Waits for 2 more CPUs, about 20 min (10 to 45)."
        "   ly why 17 | ly logs -f 17\n"
    )


def test_submit_sends_command_directory_and_variables(
    server: CannedServer, ly: Ly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["POST", "/v1/jobs"] = job_json(17, state="STARTING")
    monkeypatch.setenv("COLOUR", "blue")
    monkeypatch.setenv("LAUNCHYARD_TOKEN", "secret")
    monkeypatch.chdir(tmp_path)

    code, out, _ = ly(
        "submit", "-q", "-n", "fit", "--after", "afterok:12", "-a", "1-9%3", "--", "a", "--b", "--"
    )

    body = server.asked[0].body
    variables = body.pop("environment")
    assert (code, out) == (0, "17\n")
    assert body == {
        "name": "fit",
        "array": "1-9%3",
        "after": "afterok:12",
        "working_dir": str(tmp_path),
        "command": ["a", "--b", "--"],
    }
    assert variables["COLOUR"] == "blue"
    assert "LAUNCHYARD_TOKEN" not in variables


def test_script_is_sent_with_its_directives_and_the_command_line_goes_first(
    server: CannedServer, ly: Ly, tmp_path: Path
) -> None:
    server.answers["POST", "/v1/jobs"] = job_json(17)
    script = tmp_path / "job.sh"
    script.write_text(
        "#!/bin/sh\n#SBATCH -n 2 --mem=4000\n#LY --time 1h --group sweep\n#SBATCH --network=sn\necho\n"
    )

    code, _, err = ly("submit", "-t", "2h", "--export", "NONE", str(script), "--data", "x")

    body = server.asked[0].body
    body.pop("working_dir")
    body.pop("environment", None)
    assert body.pop("metadata") == {"slurm.ntasks": "2", "slurm.mem": "4000", "slurm.network": "sn"}
    assert code == 0
    assert err == f"{script}: without effect here: --network\n"
    assert body == {
        "name": "job.sh",
        "group": "sweep",
        "script": script.read_text(),
        "arguments": ["--data", "x"],
        "resources": {"cpus": 2, "memory_mib": 4000, "tasks": 2},
        "time_limit_s": 7200,
    }


def test_submit_follow_shows_the_log_and_ends_as_the_job_did(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/jobs"] = job_json(17, state="STARTING")
    server.answers["GET", "/v1/jobs/17/logs"] = parts(b"epoch 1\n", b"\xff\x00raw\n")
    server.answers["GET", "/v1/jobs/17"] = ended_job(
        17, state="FAILED", exit_code=1, cause="No module named 'torch'"
    )
    server.answers["GET", "/v1/events"] = events(b"id: r-1\n\n")

    code = main(["submit", "-f", "--", "python", "train.py"])

    assert code == 1


def test_jobs_table_has_a_row_a_job(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs"] = {
        "jobs": [
            job_json(
                21,
                name="sweep-lr",
                state="RUNNING",
                submitted_at=ago(300),
                started_at=ago(245),
                resources={"cpus": 1, "memory_mib": 2048, "gpus": 0, "nodes": 1},
                array={
                    "job_id": 21,
                    "index": None,
                    "size": 200,
                    "waiting": 143,
                    "counts": {"COMPLETED": 48, "RUNNING": 8, "FAILED": 1},
                },
            ),
            job_json(
                20,
                name="train\x1b[31m",
                submitted_at=ago(365),
                reason="waits for a GPU: 2 of 2 are held by jobs 15 (ada) and 18 (li)",
                resources={"cpus": 1, "memory_mib": 16384, "gpus": 1, "nodes": 1},
            ),
            job_json(
                18, name="prep", state="RUNNING", started_at=ago(240), submitted_at=ago(250), nodes=["n1"]
            ),
        ],
        "next": None,
    }

    code, out, _ = ly("jobs")

    assert code == 0
    assert out == (
        "ID  NAME           STATE      TIME  LEFT   ASKED        WHY / RESULT\n"
        "21  sweep-lr       ● running  4m    -      200 × 1c 2G  48 done, 8 run, 143 wait, 1 failed\n"
        "20  train\\x1b[31m  ○ pending  6m    -      1 GPU 16G    "
        "waits for a GPU: 2 of 2 are held by jobs 15 (ada) and 18 (li)\n"
        "18  prep           ● running  4m    1h55m  4c 8G        on n1\n"
    )


def test_jobs_without_any_says_where_the_ended_ones_are(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs"] = {"jobs": [], "next": None}

    assert ly("jobs")[:2] == (0, "No jobs wait or run. Ended ones: ly jobs --all\n")
    assert ly("jobs", "--all")[:2] == (0, "No jobs.\n")
    assert ly("jobs", "--json")[:2] == (0, "[]\n")


def test_tasks_of_a_listed_array_are_folded_into_it(server: CannedServer, ly: Ly) -> None:
    record = job_json(
        5, array={"job_id": 5, "index": None, "size": 2, "waiting": 1, "counts": {"RUNNING": 1}}
    )
    task = job_json(6, state="RUNNING", array={"job_id": 5, "index": 1, "pending": None})
    server.answers["GET", "/v1/jobs"] = {"jobs": [task, record], "next": None}

    assert ly("jobs", "-q")[1] == "5\n"
    assert ly("jobs", "-q", "--array", "5")[1] == "5_1\n5\n"


def test_an_array_stands_for_tasks_that_came_pages_before_it(server: CannedServer, ly: Ly) -> None:
    task = job_json(9, state="RUNNING", array={"job_id": 5, "index": 1, "pending": None})
    orphan = job_json(8, state="RUNNING", array={"job_id": 3, "index": 2, "pending": None})
    record = job_json(5, array={"job_id": 5, "index": None, "size": 2, "waiting": 1, "counts": {}})
    pages = [[task, orphan], [job_json(7)], [record], [job_json(2)]]
    answers = [{"jobs": page, "next": str(4 - i) if i < 3 else None} for i, page in enumerate(pages)]

    for words, told in ((("jobs", "-q", "--all"), "3_2 7 5 2"), (("jobs", "-q"), "7 5 2")):
        server.answers["GET", "/v1/jobs"] = Turns(*answers)
        server.asked.clear()
        assert ly(*words)[1].split() == told.split()
        assert len(server.asked) == len(pages)


def test_json_that_comes_in_pages_is_one_list_as_json_writes_it(server: CannedServer, ly: Ly) -> None:
    jobs = [job_json(9, name="späť"), job_json(7, metadata={"a": "b"}), job_json(2, nodes=["n1"])]
    server.answers["GET", "/v1/jobs"] = Turns(
        {"jobs": jobs[:2], "next": "7"}, {"jobs": jobs[2:], "next": None}
    )

    assert ly("jobs", "--json")[1] == json.dumps(jobs, indent=2, ensure_ascii=False) + "\n"


def test_why_of_a_waiting_job_says_when_it_starts(server: CannedServer, ly: Ly) -> None:
    start = time.time() + 1201
    server.answers["GET", "/v1/jobs/17"] = job_json(17)
    server.answers["GET", "/v1/jobs/17/why"] = {
        "id": 17,
        "state": "PENDING",
        "code": "resources",
        "reason": "waits for 2 more CPUs; ahead: 1 job",
        "estimate": {"start": rfc3339(start), "low": rfc3339(start), "high": rfc3339(start)},
    }

    code, out, _ = ly("why", "17")

    first, second, third = out.splitlines()
    assert code == 0
    assert first == "Job 17 waits for 2 more CPUs; ahead: 1 job."
    assert second == f"Start   about {time.strftime('%H:%M', time.localtime(start))}"
    assert third == "Asked   4 CPUs, 8 GiB, 2 h"


def test_why_leads_to_the_page_of_its_message(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs/17"] = job_json(17)
    why = {"id": 17, "code": "held", "type": "/v1/errors/wait:held", "reason": "is held by you"}
    server.answers["GET", "/v1/jobs/17/why"] = why
    server.answers["GET", "/v1/status"] = {"url": "https://yard.example"}

    assert ly("why", "17")[1].splitlines()[-1] == "More    https://yard.example/errors/wait:held"
    assert json.loads(ly("why", "17", "--json")[1]) == [why]


def test_why_of_a_killed_job_gives_the_command_that_helps(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs/16"] = ended_job(
        16,
        state="OUT_OF_MEMORY",
        exit_code=None,
        signal=9,
        cause="needed more than the 1024 MiB asked for",
        resources={"cpus": 1, "memory_mib": 1024, "gpus": 0, "nodes": 1},
        usage={"cpu_s": 2.25, "memory_peak_mib": 1023.9, "read_mib": 1, "written_mib": 0},
    )
    server.answers["GET", "/v1/jobs/16/why"] = {
        "id": 16,
        "state": "OUT_OF_MEMORY",
        "code": "memory",
        "reason": "peak 1.0 of 1.0 GiB",
        "line": "run.sh: line 4:  9117 Killed   ./solver",
        "command": "ly rerun 16 --mem 2G",
    }

    code, out, _ = ly("why", "16")

    assert code == 0
    assert out == (
        "Job 16 ran out of memory after 12 s: peak 1.0 of 1.0 GiB.\n"
        "Cause   memory\n"
        "Log     run.sh: line 4:  9117 Killed   ./solver\n"
        "Asked   1 CPU, 1 GiB, 2 h\n"
        "Used    1024 MiB of memory at most, 2.2 s of CPU\n"
        "Exit    signal SIGKILL\n"
        "Next    ly rerun 16 --mem 2G\n"
    )


def test_jobs_says_what_a_job_needed_and_how_to_ask_for_it(server: CannedServer, ly: Ly) -> None:
    small = {"cpus": 1, "memory_mib": 1024, "gpus": 0, "nodes": 1}
    used = {"cpu_s": 1, "memory_peak_mib": 1024.0, "read_mib": 0, "written_mib": 0}
    memory = ended_job(16, state="OUT_OF_MEMORY", signal=9, cause="too much", resources=small, usage=used)
    task = {**memory, "id": 19, "array": {"job_id": 12, "index": 3, "pending": None}}
    time_up = ended_job(17, state="TIMEOUT", signal=15, cause="too long", time_limit_s=7200)
    server.answers["GET", "/v1/jobs"] = {"jobs": [task, time_up, memory], "next": None}

    _, out, _ = ly("jobs", "--since", "1h")

    assert "peak 1.0 of 1.0 GiB: ly why 12_3" in out
    assert "limit 2 h: ly rerun 17 -t 4h" in out
    assert "peak 1.0 of 1.0 GiB: ly rerun 16 --mem 2G" in out


def test_why_says_that_the_log_was_not_read(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs/18"] = ended_job(18, state="FAILED", exit_code=3, cause="exit code 3")
    server.answers["GET", "/v1/jobs/18/why"] = {
        "id": 18,
        "state": "FAILED",
        "code": "exit-code",
        "reason": "ended with exit code 3",
        "line": None,
        "command": "ly logs 18",
        "log_unread": "there is no file /home/ada/out.txt any more",
    }

    assert ly("why", "18")[1].splitlines()[:3] == [
        "Job 18 failed after 12 s, exit code 3.",
        "Cause   exit-code",
        "Log     not read: there is no file /home/ada/out.txt any more",
    ]


def test_wait_says_what_the_server_found_out(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs/18"] = ended_job(18, state="FAILED", exit_code=1, cause="exit code 1")
    server.answers["GET", "/v1/events"] = events(b"id: r-1\n\n")
    server.answers["GET", "/v1/jobs/18/why"] = {"code": "missing-module", "reason": "No module named 'torch'"}

    code, out, _ = ly("wait", "18")

    assert (code, out) == (1, "Job 18 failed after 12 s, exit code 1: No module named 'torch'.\n")


def test_show_lists_what_is_known_and_nothing_else(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs/17"] = ended_job(17, nodes=["n1"])

    code, out, _ = ly("show", "17")

    assert code == 0
    assert "State      ✓ completed\n" in out
    assert "Runs       python train.py\n" in out
    assert "Elapsed    12 s\n" in out
    assert "Group" not in out


def test_cancel_says_what_became_of_each_and_fails_when_one_refuses(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/jobs/12/cancel"] = job_json(12, state="CANCELLED")
    server.answers["POST", "/v1/jobs/13/cancel"] = problem(
        404, "There is no job 13, or it is not yours.", "not-found"
    )
    server.answers["POST", "/v1/jobs/14/cancel"] = job_json(14, state="RUNNING")

    code, out, err = ly("cancel", "12-14")

    assert code == 1
    assert out == "Job 12 is cancelled.\nJob 14 is being stopped.\n"
    assert err == "ly: There is no job 13, or it is not yours.\n"


def rows(*jobs: tuple[int, str, bool]) -> dict[str, Any]:
    """A page of `/v1/tables/list`."""
    ids, states, held = ([job[i] for job in jobs] for i in range(3))
    return {
        "next": None,
        "columns": {
            "id": ids,
            "state": {"of": ["PENDING", "RUNNING"], "at": [int(state == "RUNNING") for state in states]},
            "held": held,
            "array": [None] * len(jobs),
        },
    }


def acted(states: dict[str, str]) -> Callable[[Any], None]:
    """Answers each request for acts: what became of the jobs that it names."""

    def answer(handler: Any) -> None:
        names = json.loads(handler.body)["jobs"]
        results = [
            {"job": name, "status": 200, "state": states[name]}
            if name in states
            else {"job": name, "status": 409, "detail": f"job {name} has ended", "state": None}
            for name in names
        ]
        handler.send(200, json.dumps({"results": results}).encode())

    return answer


def test_cancel_all_takes_a_few_requests_and_says_it_in_two_lines(server: CannedServer, ly: Ly) -> None:
    count = 2_500
    jobs = [(5_000 - i, "RUNNING" if i == 0 else "PENDING", i % 2 == 1) for i in range(count)]
    server.answers["GET", "/v1/tables/list"] = rows(*jobs)
    states = {str(job): "CANCELLED" if state == "PENDING" else state for job, state, _ in jobs[:-1]}
    server.answers["POST", "/v1/acts"] = acted(states)

    code, out, err = ly("cancel", "--all")

    assert out == f"{count - 2:,} jobs are cancelled.\n1 job is being stopped.\n"
    assert (code, err) == (1, f"ly: job {jobs[-1][0]} has ended\n")
    assert len(server.asked) == 4
    assert server.asked[-1].body["jobs"][-1] == "5000"


def test_hold_and_release_of_all_name_those_that_it_is_about(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/tables/list"] = rows(
        (9, "PENDING", False), (8, "PENDING", True), (7, "RUNNING", False)
    )
    server.answers["POST", "/v1/acts"] = acted({"9": "PENDING", "8": "PENDING"})

    assert ly("hold", "--all")[:2] == (0, "1 job is held.\n")
    assert server.asked[-1].body == {"act": "hold", "jobs": ["9"]}
    assert ly("release", "--all", "-q")[:2] == (0, "8\n")
    assert ly("release", "--all", "8")[0] == ly("hold")[0] == ly("cancel", "--all", "8")[0] == 2


def test_update_without_a_change_is_refused(server: CannedServer, ly: Ly) -> None:
    assert ly("update", "12") == (
        2,
        "",
        "ly: nothing is to be changed; name an option, for example: ly update 12 -t 1h\n",
    )


def test_update_sends_what_changes(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/jobs/12/update"] = job_json(12, time_limit_s=3600)

    code, out, _ = ly("update", "12", "-t", "1h", "--mem", "8G", "--throttle", "2")

    assert (code, out) == (0, "Job 12 asks for 4 CPUs, 8 GiB, 1 h.\n")
    assert server.asked[0].body == {"memory_mib": 8192, "time_limit_s": 3600, "array_throttle": 2}


def test_update_takes_away_what_is_given_as_nothing(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/jobs/12/update"] = job_json(12)

    ly("update", "12", "--after", "", "--deadline", "", "--account", "physics")

    assert server.asked[0].body == {"after": "", "deadline_at": "", "account": "physics"}


def test_suspend_and_resume_say_what_became_of_the_job(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/jobs/12/suspend"] = job_json(12, state="SUSPENDED")
    server.answers["POST", "/v1/jobs/12/resume"] = job_json(12, state="RUNNING")

    assert ly("suspend", "12") == (0, "Job 12 is suspended   ly resume 12.\n", "")
    assert ly("resume", "12") == (0, "Job 12 goes on.\n", "")


def test_jobs_are_put_to_the_top_in_the_order_given(server: CannedServer, ly: Ly) -> None:
    for job in (12, 14):
        server.answers["POST", f"/v1/jobs/{job}/top"] = job_json(
            job, state="PENDING", reason="waits for 1 CPU"
        )

    code, out, _ = ly("top", "12", "14")

    assert [one.path for one in server.asked] == ["/v1/jobs/14/top", "/v1/jobs/12/top"]
    assert (code, out.splitlines()[1]) == (0, "Job 12 goes before your others: it waits for 1 CPU.")


def test_retries_and_dependencies_are_options_of_a_submission(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/jobs"] = job_json(12)

    ly("submit", "--retries", "2:30s", "--after", "singleton", "--keep-on-failed-dependency", "--", "true")

    body = server.asked[-1].body
    assert body["retries"] == {"count": 2, "backoff_s": 30}
    assert (body["after"], body["keep_on_failed_dependency"]) == ("singleton", True)


def test_node_taken_down_is_said_so(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/nodes/n1"] = {"name": "n1", "state": "DOWN"}

    code, out, _ = ly("nodes", "down", "n1", "-r", "burnt")

    assert (code, out) == (0, "Node n1 is down; what ran there has been stopped.\n")
    assert server.asked[0].body == {"state": "down", "reason": "burnt"}


def test_logs_copies_bytes_as_they_are(
    server: CannedServer, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    server.answers["GET", "/v1/jobs/17/logs"] = b"\x1b[31mred\x00\xff\n"

    assert main(["logs", "17"]) == 0

    assert capfdbinary.readouterr().out == b"\x1b[31mred\x00\xff\n"


def test_wait_says_each_end_and_fails_when_a_job_failed(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/events"] = events(b"id: r-1\n\n")
    server.answers["GET", "/v1/jobs/17"] = ended_job(17)
    server.answers["GET", "/v1/jobs/18"] = ended_job(
        18, state="TIMEOUT", exit_code=None, cause="over its 2 h"
    )

    code, out, _ = ly("wait", "17", "18")

    assert code == 1
    assert out == (
        "Job 17 completed after 12 s, exit code 0.\n"
        "Job 18 was stopped at its time limit after 12 s: over its 2 h.\n"
    )


def test_nodes_show_what_is_taken(server: CannedServer, ly: Ly) -> None:
    node = {
        "name": "n1",
        "state": "DRAIN",
        "reason": "new disk",
        "cpus": 8,
        "memory_mib": 32768,
        "gpus": 2,
        "used": {"cpus": 1.5, "memory_mib": 2048, "gpus": 1, "jobs": 3},
    }
    server.answers["GET", "/v1/nodes"] = {"nodes": [node]}
    server.answers["POST", "/v1/nodes/n1"] = node

    assert ly("nodes")[1] == (
        "NODE  STATE  CPUS   MEMORY  GPUS  JOBS  REASON\nn1    drain  1.5/8  2G/32G  1/2   3     new disk\n"
    )
    assert ly("nodes", "drain", "n1", "-r", "new disk")[:2] == (0, "Node n1 takes no new jobs.\n")
    assert server.asked[-1].body == {"state": "drain", "reason": "new disk"}


def test_status_says_health_limits_and_queue(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/status"] = {
        "version": "0.1.0",
        "pid": 4711,
        "started_at": time.time() - 3700,
        "url": "http://127.0.0.1:8265",
        "state": "/srv/yard",
        "cpus": 8,
        "memory_mib": 31 * 1024,
        "gpus": 1,
        "nodes": 1,
        "enforcement": {
            "memory": "cgroup v2",
            "cpus": "affinity",
            "processes": "cgroup v2",
            "users": "switched",
        },
        "degraded": None,
        "user": "ada",
        "admin": False,
        "jobs": {"RUNNING": 2, "PENDING": 1},
    }

    code, out, _ = ly("status")

    assert code == 0
    assert out == (
        "Launchyard 0.1.0: ok, up 1 h 1 min (pid 4711)\n"
        "  Machine  8 CPUs, 31 GiB, 1 GPU, 1 node\n"
        "  Queue    2 running, 1 waiting\n"
        "  Limits   memory by cgroup v2, CPUs by affinity, processes by cgroup v2;"
        " each job runs as its user\n"
        "  Address  http://127.0.0.1:8265\n"
        "  State    /srv/yard\n"
        "  You      ada\n"
    )


def test_degraded_server_makes_status_fail(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/status"] = {"version": "0.1.0", "degraded": "the disk is full", "jobs": {}}

    code, out, _ = ly("status")

    assert code == 1
    assert out.startswith("Launchyard 0.1.0: degraded: the disk is full")


def test_token_is_alone_on_standard_output(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/tokens"] = {"id": "t1", "name": "laptop", "token": "ly_secret"}

    code, out, err = ly("token", "create", "laptop")

    assert (code, out) == (0, "ly_secret\n")
    assert err == "Token t1 is shown this once. Put it into ~/.config/launchyard/token (mode 600).\n"


def test_every_listing_has_json(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs"] = {"jobs": [job_json(17)], "next": None}
    server.answers["GET", "/v1/jobs/17"] = job_json(17)

    assert json.loads(ly("jobs", "--json")[1]) == [job_json(17)]
    assert json.loads(ly("show", "17", "--json")[1]) == [job_json(17)]


def test_server_that_is_not_there_is_one_sentence(
    ly: Ly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNCHYARD_STATE", str(tmp_path))
    monkeypatch.delenv("LAUNCHYARD_URL", raising=False)

    code, out, err = ly("jobs")

    assert (code, out) == (1, "")
    assert err == (
        f"ly: no Launchyard is running here (looked at {tmp_path}/run/api.sock): start one with `ly up`\n"
    )


def test_impossible_request_is_wrong_use(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/jobs"] = problem(422, "no node has 512 GiB; the largest has 24", "infeasible")

    assert ly("submit", "--mem", "512G", "--", "true") == (
        2,
        "",
        "ly: no node has 512 GiB; the largest has 24\n",
    )


def test_events_and_terminals_are_not_needed_to_submit(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/jobs"] = Turns(job_json(17, state="STARTING"))

    code, out, _ = ly("submit", "--", "true")

    assert (code, out) == (0, "Job 17: 4 CPUs, 8 GiB, 2 h. Starts now.   ly why 17 | ly logs -f 17\n")
    assert server.lines() == ["POST /v1/jobs"]

"""`ly efficiency` and the advice of `ly submit`, against canned answers: word for word."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.cli.main import main
from tests.unit.canned_server import CannedServer, canned_server, job_json

Ly = Callable[..., tuple[int, str, str]]
SENTENCE = "The last 12 runs used at most 3.1 GiB of 16: --mem 4G would do."
ADVICE = {
    "sentence": SENTENCE,
    "options": "--mem 4G",
    "changes": {"resources": {"memory_mib": 4096}},
    "runs": 12,
}


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


def part(used: float | None = None, asked: float | None = None) -> dict[str, float | None]:
    percent = None if used is None or not asked else round(100 * used / asked, 3)
    return {"used": used, "asked": asked, "percent": percent}


def told(job_id: int = 17, **changes: Any) -> dict[str, Any]:
    """A job as the API tells its efficiency."""
    answer = {
        "id": job_id,
        "name": "train",
        "user": "ada",
        "state": "COMPLETED",
        "array": None,
        "resources": {"cpus": 4, "memory_mib": 16_384, "gpus": 0, "nodes": 1},
        "time_limit_s": 14_400,
        "elapsed_s": 720.0,
        "cpu": part(792.0, 2880.0),
        "memory": part(3174.4, 16_384),
        "gpu": part(),
        "time": part(720.0, 14_400),
        "tasks": None,
        "advice": None,
    }
    return {**answer, **changes}


def test_one_job_has_a_line_for_each_and_the_advice(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs/17/efficiency"] = told(advice=ADVICE)
    code, out, err = ly("efficiency", "17")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "Job 17 ran for 12 min; asked for 4 CPUs, 16 GiB, 4 h.",
        "CPU       28%  1.1 of 4 CPUs (13 min 12 s of 48 min)",
        "Memory    19%  3.1 GiB of 16 GiB",
        "Time       5%  12 min of 4 h",
        f"Next    {SENTENCE}",
    ]


def test_what_is_not_known_is_said(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs/17/efficiency"] = told(
        state="RUNNING",
        cpu=part(None, 2880.0),
        memory=part(None, 16_384),
        resources={"cpus": 4, "memory_mib": 16_384, "gpus": 2, "nodes": 1},
        gpu=part(None, 1440.0),
        time=part(720.0),
        time_limit_s=None,
    )
    assert ly("efficiency", "17")[1].splitlines() == [
        "Job 17 has run for 12 min; asked for 4 CPUs, 16 GiB, 2 GPUs, no limit.",
        "CPU         -  not known, of 4 CPUs",
        "Memory      -  not known of 16 GiB",
        "GPU         -  2 GPUs; use is not measured",
        "Time        -  12 min of no limit",
        "What it uses is known when it has ended.",
    ]
    server.answers["GET", "/v1/jobs/18/efficiency"] = told(18, state="PENDING", elapsed_s=None)
    assert ly("efficiency", "18")[1] == "Job 18 has not run yet.\n"


def test_an_array_is_a_table_of_its_tasks(server: CannedServer, ly: Ly) -> None:
    spread = {"median": 55.0, "lowest": 12.0, "lowest_task": 17, "highest": 99.0, "highest_task": 3}
    tasks = {"count": 180, "complete": True, "cpu": spread, "memory": spread, "gpu": None, "time": None}
    array = {"job_id": 21, "index": None, "pending": None}
    server.answers["GET", "/v1/jobs/21/efficiency"] = told(21, array=array, tasks=tasks, advice=ADVICE)
    assert ly("efficiency", "21")[1].splitlines() == [
        "Array 21: 180 tasks that ran, each with 4 CPUs, 16 GiB, 4 h.",
        "        MEDIAN  LOWEST      HIGHEST",
        "CPU     55%     12%  21_17  99%  21_3",
        "Memory  55%     12%  21_17  99%  21_3",
        f"Next    {SENTENCE}",
    ]


def test_jobs_since_a_time_are_a_table_with_a_sum(server: CannedServer, ly: Ly) -> None:
    total = {
        "jobs": 2,
        "elapsed_s": 1440,
        "cpu": part(7920.0, 28_800.0),
        "memory": part(3174.4 * 3600, 16_384 * 3600),
        "gpu": part(),
        "time": part(),
    }
    jobs = [told(18, time=part(30.0), elapsed_s=30.0, cpu=part(None, 120.0)), told(17)]
    server.answers["GET", "/v1/efficiency"] = {"jobs": jobs, "total": total, "complete": False}
    code, out, _ = ly("efficiency", "--since", "2d", "--user", "ada")
    assert code == 0
    assert out.splitlines() == [
        "ID  NAME   STATE        CPU             MEMORY             TIME",
        "18  train  ✓ completed     -  - of 4     19%  3.1G of 16G  30s",
        "17  train  ✓ completed   28%  1.1 of 4   19%  3.1G of 16G    5%  12m of 4h",
        "2 jobs: CPU 28% (2.2 of 8 CPU h), memory 19% (3.1 of 16 GiB h).",
        "Only the last 2 jobs are in it; take a later --since for the others.",
    ]
    assert "user=ada" in server.asked[0].path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "no job is named; write ly efficiency 12, or ly efficiency --since 2d"),
        (("12", "--since", "2d"), "jobs and --since are both given; name jobs, or say since when"),
        (("12", "-u", "ada"), "--user and --name choose among the jobs of --since"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    server: CannedServer, ly: Ly, words: tuple[str, ...], sentence: str
) -> None:
    code, out, err = ly("efficiency", *words)
    assert (code, out, err.startswith(f"ly: {sentence}")) == (2, "", True)


def test_efficiency_as_json_is_what_the_server_said(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs/17/efficiency"] = told()
    assert json.loads(ly("efficiency", "--json", "17")[1]) == [told()]


def test_submit_says_the_advice_in_one_line(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/jobs"] = job_json(17, state="STARTING", advice=ADVICE)
    out = ly("submit", "--", "python", "train.py")[1]
    assert out.splitlines()[1:] == [SENTENCE]
    assert ly("submit", "-q", "--", "python", "train.py")[1] == "17\n"
    assert json.loads(ly("submit", "--json", "--", "python", "train.py")[1])["advice"] == ADVICE


def test_rerun_says_it_too(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", "/v1/jobs/16"] = job_json(16, state="OUT_OF_MEMORY")
    server.answers["POST", "/v1/jobs"] = job_json(17, state="STARTING", advice=ADVICE)
    assert ly("rerun", "16")[1].splitlines()[1:] == [SENTENCE]
    assert ly("rerun", "-q", "16")[1] == "17\n"


def test_a_dry_run_says_it_too(server: CannedServer, ly: Ly) -> None:
    server.answers["POST", "/v1/jobs"] = job_json(17, advice=ADVICE)
    out = ly("submit", "--dry-run", "--", "python", "train.py")[1]
    assert out.splitlines() == ["Would start now: 4 CPUs, 8 GiB, 2 h.", SENTENCE]

"""The Ray Jobs API attacked: rights that a body claims, secrets in the open, ids that are nearly right."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api_bench import ADA, BOB, Bench, job_of, running

PRIVILEGES = ["user", "uid", "gid", "admin", "is_admin", "id", "state", "__class__"]


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as one:
        yield one


@pytest.fixture
def bench(server: Bench) -> Bench:
    server.reset()
    return server


@pytest.mark.parametrize("key", PRIVILEGES)
@pytest.mark.parametrize("place", ["body", "metadata", "runtime_env"])
def test_a_body_of_ray_gives_no_rights(bench: Bench, place: str, key: str) -> None:
    """Threat 11: privilege fields in a request, wherever our own keys may stand."""
    claims: dict[str, dict[str, Any]] = {
        "body": {key: "root"},
        "metadata": {"metadata": {f"launchyard.{key}": "root"}},
        "runtime_env": {"runtime_env": {"launchyard": {key: "root"}}},
    }
    refused = bench.ask("POST", "/api/jobs/", {"entrypoint": "id", **claims[place]}, user="bob")
    assert refused.status == 400
    assert bench.controller.jobs == {}


def test_a_claimed_name_of_rays_is_a_word_like_any_other(bench: Bench) -> None:
    """Threat 11: metadata that is not ours and headers of proxies make nobody somebody else."""
    body = {
        "entrypoint": "id",
        "submission_id": "mine",
        "metadata": {"user": "root", "job_submission_id": "x"},
    }
    claims = {"X-Remote-User": "root", "X-Forwarded-User": "root", "Remote-User": "root"}
    made = bench.ask("POST", "/api/jobs/", body, user="bob", headers=claims)
    assert made.json == {"job_id": "mine", "submission_id": "mine"}
    assert [job.user for job in bench.controller.jobs.values()] == ["bob"]


def test_a_token_of_rays_is_in_no_record_and_no_answer(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Threat 15: whichever way it comes, a token is not repeated; in a URL it counts for nothing."""
    secret = bench.secrets["ada"]
    ways = (
        {"X-Ray-Authorization": f"Bearer {secret}x"},
        {"Cookie": f"ray-authentication-token={secret}x"},
        {"Authorization": secret},
    )
    with caplog.at_level(logging.INFO, "launchyard"):
        answers = [bench.ask("GET", "/api/jobs/one", user="", headers=way) for way in ways]
        answers.append(bench.ask("GET", f"/api/jobs/one?token={secret}", user=""))
    assert {answer.status for answer in answers} == {401, 403}
    assert secret not in "".join(answer.body.decode() for answer in answers)
    assert caplog.records
    for record in caplog.records:
        assert secret not in record.getMessage(), record.name


@pytest.mark.parametrize("name", ["on", "one.", "One", "one%00", "one%2F..", "on%65%20", "1"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("POST", "/stop"), ("DELETE", ""), ("GET", "/logs")]
)
def test_an_id_that_is_nearly_right_is_not_there(bench: Bench, method: str, path: str, name: str) -> None:
    """Threat 28: exact comparison, never by prefix; our own number of a job is no submission id."""
    bench.put(job_of(ADA, 1, submission_id="one"))
    refused = bench.ask(method, f"/api/jobs/{name}{path}", user="ada")
    assert refused.status == 404


def test_a_token_is_useless_for_anothers_job(bench: Bench) -> None:
    """Threat 28: a token of one user opens nothing of another's, also where both have a job of that name."""
    bench.put(job_of(ADA, 1, submission_id="one"))
    bench.put(job_of(BOB, 2, submission_id="one"))
    assert bench.ask("GET", "/api/jobs/one", user="ada").json["launchyard"]["id"] == 1
    assert bench.ask("POST", "/api/jobs/one/stop", user="bob").json == {"stopped": True}
    assert sorted(bench.controller.jobs) == [1]

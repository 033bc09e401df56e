"""Whose notebooks may be looked at, and which jobs have any, over a real server."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.model.job import JobKind
from launchyard.model.session import Session
from launchyard.model.state import JobState
from tests.api_bench import ADA, Bench, job_of, running

SESSION = Session(app="jupyter", title="JupyterLab", folder="/apps/jupyter")
REQUESTS = (
    ("GET", "notebooks", None),
    ("GET", "notebook?path=x.ipynb", None),
    ("POST", "batch", {"notebook": "x"}),
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as one:
        session = job_of(ADA, 7, kind=JobKind.SESSION, session=SESSION, state=JobState.RUNNING)
        one.put(session)
        one.put(job_of(ADA, 8, state=JobState.RUNNING))
        yield one


@pytest.mark.parametrize(("method", "what", "body"), REQUESTS)
@pytest.mark.parametrize("user", ["bob", "root"])
def test_nobody_else_looks_at_notebooks_administrators_neither(
    bench: Bench, method: str, what: str, body: object, user: str
) -> None:
    """Threat 9: what is done there is done as the session's user."""
    asked = bench.ask(method, f"/v1/sessions/7/{what}", body, user=user)
    assert asked.status == 404
    assert asked.sentence == bench.ask(method, f"/v1/sessions/99/{what}", body, user=user).sentence.replace(
        "99", "7"
    )


@pytest.mark.parametrize(("method", "what", "body"), REQUESTS)
def test_its_owner_is_let_through_and_a_job_that_is_no_session_is_told_so(
    bench: Bench, method: str, what: str, body: object
) -> None:
    assert bench.ask(method, f"/v1/sessions/7/{what}", body, user="ada").status == 503
    refused = bench.ask(method, f"/v1/sessions/8/{what}", body, user="ada")
    assert (refused.status, refused.sentence) == (409, "job 8 is no session; `ly session list` shows them")


@pytest.mark.parametrize("user", ["bob", "root"])
def test_nobody_else_opens_a_session_in_the_place_of_a_job(bench: Bench, user: str) -> None:
    asked = bench.ask("POST", "/v1/jobs/8/debug", {}, user=user)
    assert asked.status == 404
    assert "8" in asked.sentence


def test_a_session_is_relaunched_and_not_debugged(bench: Bench) -> None:
    refused = bench.ask("POST", "/v1/jobs/7/debug", {}, user="ada")
    assert refused.status == 409
    assert "a session is relaunched" in refused.sentence

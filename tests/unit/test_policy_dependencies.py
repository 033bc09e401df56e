"""Whether what a job waits for has happened, may still happen, or never can."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.dependency import parse_dependency
from launchyard.model.state import ENDED, JobState
from launchyard.policy.dependencies import Seen, Verdict, View, met_for_good, never, verdict
from tests.unit.cluster import T0

S, V = JobState, Verdict


def view(jobs: Mapping[Any, Seen], *, now: float = T0, alone: bool = True) -> View:
    return View(seen=lambda job_id, index: jobs.get((job_id, index)), now=now, alone=alone)


def of(**states: JobState) -> View:
    """`of(job1=S.RUNNING)`: jobs by number, begun long ago."""
    return view({(int(name.removeprefix("job")), None): Seen(state, 0.0) for name, state in states.items()})


@pytest.mark.parametrize(
    ("text", "state", "expected"),
    [
        ("after:1", S.PENDING, V.WAITING),
        ("after:1", S.STARTING, V.WAITING),
        ("after:1", S.RUNNING, V.SATISFIED),
        ("after:1", S.CANCELLED, V.SATISFIED),
        ("afterok:1", S.RUNNING, V.WAITING),
        ("afterok:1", S.COMPLETED, V.SATISFIED),
        ("afterok:1", S.FAILED, V.IMPOSSIBLE),
        ("afterok:1", S.LOST, V.IMPOSSIBLE),
        ("afternotok:1", S.COMPLETED, V.IMPOSSIBLE),
        ("afternotok:1", S.TIMEOUT, V.SATISFIED),
        ("afterany:1", S.COMPLETING, V.WAITING),
        ("afterany:1", S.NODE_FAIL, V.SATISFIED),
        ("aftercorr:1", S.COMPLETED, V.SATISFIED),
        ("aftercorr:1", S.FAILED, V.IMPOSSIBLE),
    ],
)
def test_each_kind_looks_at_the_state_of_the_job(text: str, state: JobState, expected: Verdict) -> None:
    assert verdict(parse_dependency(text), of(job1=state)) is expected


def test_what_is_not_known_can_never_be_satisfied() -> None:
    assert verdict(parse_dependency("afterany:9"), of()) is V.IMPOSSIBLE


def test_delay_counts_from_the_start_of_the_other_job() -> None:
    dependency = parse_dependency("after:1+5")
    started = {(1, None): Seen(S.RUNNING, T0)}
    assert verdict(dependency, view(started, now=T0 + 299)) is V.WAITING
    assert verdict(dependency, view(started, now=T0 + 300)) is V.SATISFIED


def test_corresponding_task_decides_and_not_the_array() -> None:
    dependency = parse_dependency("aftercorr:1")
    tasks = {
        (1, None): Seen(S.RUNNING, array=True),
        (1, 3): Seen(S.COMPLETED),
        (1, 4): Seen(S.FAILED),
        (1, 5): Seen(S.RUNNING),
    }
    found = [verdict(dependency, view(tasks), index=index) for index in (3, 4, 5, 6)]
    assert found == [V.SATISFIED, V.IMPOSSIBLE, V.WAITING, V.WAITING]
    assert verdict(dependency, view(tasks), array=True) is V.WAITING
    failed = {(1, None): Seen(S.FAILED, array=True)}
    assert verdict(dependency, view(failed), array=True) is V.WAITING
    assert verdict(dependency, view(failed)) is V.IMPOSSIBLE


def test_all_must_hold_and_any_is_enough() -> None:
    states = of(job1=S.COMPLETED, job2=S.FAILED, job3=S.RUNNING)
    assert verdict(parse_dependency("afterok:1,afterok:3"), states) is V.WAITING
    assert verdict(parse_dependency("afterok:1:2"), states) is V.IMPOSSIBLE
    assert verdict(parse_dependency("afterok:2?afterok:1"), states) is V.SATISFIED
    assert verdict(parse_dependency("afterok:2?afterok:3"), states) is V.WAITING
    assert verdict(parse_dependency("afterok:2?afternotok:1"), states) is V.IMPOSSIBLE


def test_singleton_is_asked_again_when_the_rest_is_met() -> None:
    dependency = parse_dependency("afterok:1,singleton")
    crowded = view({}, alone=False)
    assert verdict(dependency, crowded, met=True) is V.WAITING
    assert verdict(dependency, view({}), met=True) is V.SATISFIED
    assert met_for_good(dependency, of(job1=S.COMPLETED))
    assert not met_for_good(parse_dependency("singleton"), of())


def test_sentence_names_the_job_that_decided_it() -> None:
    states = of(job1=S.COMPLETED, job2=S.FAILED)
    sentence = never(parse_dependency("afterok:1:2"), states)
    assert sentence == "dependency afterok:1:2 can never be satisfied: job 2 is FAILED"


@given(
    st.lists(st.sampled_from(["afterok", "afternotok", "afterany", "after"]), min_size=1, max_size=4),
    st.lists(st.sampled_from(JobState), min_size=4, max_size=4),
    st.booleans(),
)
def test_verdict_on_ended_jobs_is_final(kinds: list[str], states: list[JobState], any_of: bool) -> None:
    text = ("?" if any_of else ",").join(f"{kind}:{n}" for n, kind in enumerate(kinds, start=1))
    seen = {(n, None): Seen(state, 0.0) for n, state in enumerate(states, start=1)}
    found = verdict(parse_dependency(text), view(seen))
    if all(state in ENDED for state in states[: len(kinds)]):
        assert found is not V.WAITING

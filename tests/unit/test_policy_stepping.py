"""What becomes of a step when its runners end, and when its job does."""

from typing import Any

import pytest

from launchyard.model.step import RunnerEnd, Step, StepShare, StepState
from launchyard.policy.stepping import cut_short, runner_ended


def step(runners: int = 1, **more: Any) -> Step:
    shares = tuple(StepShare(node=f"n{i}", position=i, tasks=(i,), cpus_milli=1000) for i in range(runners))
    plain: dict[str, Any] = {"launch_id": "l", "user": "ada", "name": "s", "connect": "/s", "started_at": 1.0}
    return Step(job_id=1, attempt=1, number=0, shares=shares, **(plain | more))


def end(position: int = 0, at: float = 5.0, **facts: Any) -> RunnerEnd:
    return RunnerEnd(position=position, at=at, **facts)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"exit_code": 0}, StepState.COMPLETED),
        ({"exit_code": 3}, StepState.FAILED),
        ({"signal": 11}, StepState.FAILED),
        ({"signal": 9, "oom": True}, StepState.OUT_OF_MEMORY),
        ({"signal": 15, "ending": True}, StepState.CANCELLED),
        ({"signal": 15, "ending": True, "timed_out": True}, StepState.TIMEOUT),
        ({"error": "cannot fork"}, StepState.FAILED),
        ({}, StepState.CANCELLED),
    ],
)
def test_the_end_of_the_only_runner_is_that_of_the_step(facts: dict[str, Any], state: StepState) -> None:
    after = runner_ended(step(), end(**facts))

    assert after.state is state
    assert (after.exit_code, after.signal) == (facts.get("exit_code"), facts.get("signal"))
    assert (after.ended_at, after.cause) == (5.0, facts.get("error"))


def test_a_step_has_ended_when_its_last_runner_has() -> None:
    first = runner_ended(step(2), end(0, exit_code=2, at=9.0))
    assert (first.state, first.open_runners) == (StepState.RUNNING, ["l.0.1"])
    assert runner_ended(first, end(0, exit_code=7)) is first

    last = runner_ended(first, end(1, signal=6, at=8.0))
    assert (last.state, last.exit_code, last.signal, last.ended_at) == (StepState.FAILED, None, 6, 9.0)
    assert runner_ended(last, end(1, exit_code=0)) is last


def test_no_zero_is_told_while_one_of_them_is_not_known() -> None:
    after = runner_ended(runner_ended(step(2), end(0, exit_code=0)), end(1))

    assert (after.state, after.exit_code) == (StepState.CANCELLED, None)


def test_a_step_that_is_cut_short_keeps_what_was_seen() -> None:
    begun = runner_ended(step(2), end(0, exit_code=4, cpu_s=1.5))

    after = cut_short(begun, 20.0, cause="gone")

    assert (after.state, after.exit_code, after.ended_at) == (StepState.CANCELLED, 4, 20.0)
    assert (after.cause, after.usage.cpu_s) == ("gone", 1.5)
    assert cut_short(step(), 20.0, timed_out=True).state is StepState.TIMEOUT
    assert cut_short(after, 30.0) is after

"""Lives of jobs as spans: the parts follow each other, and what is remembered is bounded."""

import asyncio
from collections.abc import Sequence

import pytest

from launchyard.model.state import JobState
from launchyard.tracing import lives
from launchyard.tracing.lives import Lives
from launchyard.tracing.spans import Span
from tests.unit.yard import ADA, Yard, running_yard

Told = list[tuple[Span, list[Span]]]


def watched(yard: Yard) -> tuple[Lives, Told]:
    """A life is told when the server ends, or never in an hour."""
    told: Told = []

    def send(whole: Span, parts: Sequence[Span]) -> None:
        told.append((whole, list(parts)))

    now = [1_000_000.0]

    def clock() -> float:
        now[0] += 1
        return now[0]

    return Lives(yard.controller, yard.store, send, clock, every_s=3600), told


def test_the_parts_of_a_life_follow_each_other_to_its_end() -> None:
    async def scene() -> None:
        async with running_yard() as yard:
            traces, told = watched(yard)
            job = await yard.submit()
            await yard.until_state(job.id, JobState.RUNNING)
            yard.engine.finish(yard.launch_id(job.id), exit_code=3)
            await yard.until_ended(job.id)
            await yard.until(lambda: job.id in traces._ended)
            await traces.close()
            ((whole, parts),) = told
            names = [one.name for one in parts]
            assert names == ["submit", "wait", "pass", "commit", "start", "run", "end"]
            assert all(one.begin <= one.end for one in [whole, *parts])
            assert whole.end == max(one.end for one in parts)
            assert whole.error == "FAILED"
            assert whole.attributes["launchyard.job.exit_code"] == 3
            assert "ada" not in str(told)

    asyncio.run(scene())


def test_a_job_that_never_ran_has_a_beginning_and_an_end() -> None:
    async def scene() -> None:
        async with running_yard() as yard:
            traces, told = watched(yard)
            job = await yard.submit(held=True)
            await yard.controller.cancel(ADA, yard.ref(job.id))
            await yard.until(lambda: job.id in traces._ended)
            await traces.close()
            ((whole, parts),) = told
            assert [one.name for one in parts] == ["submit", "end"]
            assert whole.error is None

    asyncio.run(scene())


def test_beyond_what_is_remembered_the_whole_is_told_without_its_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lives, "LIVES_MAX", 1)

    async def scene() -> None:
        async with running_yard() as yard:
            traces, told = watched(yard)
            jobs = [await yard.submit(held=True) for _ in range(2)]
            for job in jobs:
                await yard.controller.cancel(ADA, yard.ref(job.id))
            await yard.until(lambda: len(traces._ended) == 2)
            await traces.close()
            assert sorted(len(parts) for _, parts in told) == [1, 2]
            assert {whole.attributes["launchyard.job.id"] for whole, _ in told} == {job.id for job in jobs}

    asyncio.run(scene())

"""Sampling what jobs use: only what runs for a while, at the pace of its series, kept after its end."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace

from launchyard.controller.sampling import ASKED_MAX, KEPT_EVERY_S, YOUNG_S, Sampling
from launchyard.model.job import Attempt, Job, JobKind
from launchyard.model.resources import Allocation
from launchyard.model.series import EVERY_S, Series

T0 = 1_800_000_000.0


@dataclass
class Bench:
    """Running jobs, a clock, an engine that counts questions, a shelf in memory."""

    now: float = T0
    running: dict[int, Job] = field(default_factory=dict)
    asked: list[Sequence[str]] = field(default_factory=list)
    shelf: dict[str, Series] = field(default_factory=dict)

    def put(self, series: Series) -> None:
        self.shelf[series.launch_id] = series

    def get(self, launch_id: str) -> Series | None:
        return self.shelf.get(launch_id)

    async def ask(self, launch_ids: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
        self.asked.append(tuple(launch_ids))
        return {id: {"cpu_s": self.now - T0, "memory_mib": 64.0, "processes": 1} for id in launch_ids}

    def start(self, *ids: int) -> None:
        for id in ids:
            attempt = Attempt(
                number=1,
                launch_id=f"l{id}",
                epoch="e",
                allocation=Allocation(shares=()),
                allocated_at=self.now,
                started_at=self.now,
            )
            self.running[id] = Job(
                id=id,
                name="a",
                kind=JobKind.COMMAND,
                user="ada",
                uid=1,
                partition="all",
                submitted_at=T0,
                attempt=attempt,
            )


def with_sampling(work: Callable[[Bench, Sampling], Coroutine[object, object, None]]) -> Bench:
    bench = Bench()

    async def run() -> None:
        await work(bench, Sampling(lambda: bench.running, bench.ask, bench, lambda: bench.now))

    asyncio.run(run())
    return bench


def test_jobs_that_are_over_at_once_are_never_asked_about() -> None:
    async def work(bench: Bench, sampling: Sampling) -> None:
        for first in range(0, 5000, 500):
            bench.start(*range(first, first + 500))
            bench.now += YOUNG_S / 2
            await sampling.look()
            bench.running.clear()

    bench = with_sampling(work)
    assert not bench.asked
    assert not bench.shelf


def test_a_job_that_goes_on_is_looked_at_every_few_seconds_and_kept_at_its_end() -> None:
    async def work(bench: Bench, sampling: Sampling) -> None:
        bench.start(1)
        for _ in range(60):
            bench.now += 1
            await sampling.look()
        live = await sampling.of("l1")
        assert live is not None
        assert 60 / EVERY_S - 2 <= len(live.samples) <= 60 / (EVERY_S - 1.25)
        bench.running.clear()
        await sampling.look()
        assert await sampling.of("l1") == live

    bench = with_sampling(work)
    assert bench.shelf["l1"].samples[-1].cpu_s is not None


def test_very_many_running_jobs_take_turns() -> None:
    async def work(bench: Bench, sampling: Sampling) -> None:
        bench.start(*range(3 * ASKED_MAX))
        for _ in range(3):
            bench.now += YOUNG_S
            await sampling.look()

    bench = with_sampling(work)
    assert [len(ids) for ids in bench.asked] == [ASKED_MAX] * 3
    assert len({id for ids in bench.asked for id in ids}) == 3 * ASKED_MAX


def test_another_daemon_goes_on_with_the_series_of_a_job_that_ran_through() -> None:
    async def work(bench: Bench, sampling: Sampling) -> None:
        bench.start(1)
        bench.now += 50
        await sampling.look()
        await sampling.close()
        bench.now += 50
        after = Sampling(lambda: bench.running, bench.ask, bench, lambda: bench.now)
        bench.now += 1
        await after.look()
        series = await after.of("l1")
        assert series is not None
        assert [one.at_s for one in series.samples] == [50, 101]

    with_sampling(work)


def test_a_long_job_is_kept_now_and_then_so_that_a_crash_loses_little() -> None:
    async def work(bench: Bench, sampling: Sampling) -> None:
        bench.start(1)
        while bench.now < T0 + 2 * KEPT_EVERY_S:
            bench.now += EVERY_S
            await sampling.look()

    assert with_sampling(work).shelf["l1"].samples[-1].at_s > KEPT_EVERY_S


def test_who_watches_hears_until_the_job_has_ended_and_many_cost_as_much_as_one() -> None:
    async def work(bench: Bench, sampling: Sampling) -> None:
        bench.start(1)
        bench.now += 1
        watchers = [sampling.watch(bench.running[1]) for _ in range(20)]
        first = [await anext(one) for one in watchers]
        assert {sample.at_s for sample in first} == {1.0}
        assert len(bench.asked) == 1
        bench.running.clear()
        for one in watchers:
            await one.aclose()

    with_sampling(work)


def test_what_was_tried_again_is_another_launch() -> None:
    async def work(bench: Bench, sampling: Sampling) -> None:
        bench.start(1)
        bench.now += 10
        await sampling.look()
        attempt = bench.running[1].attempt
        assert attempt is not None
        again = replace(attempt, number=2, launch_id="l1b", started_at=bench.now)
        bench.running[1] = replace(bench.running[1], attempt=again)
        bench.now += 10
        await sampling.look()
        first, second = await sampling.of("l1"), await sampling.of("l1b")
        assert first is not None
        assert second is not None
        assert len(first.samples) == 1
        assert second.samples[0].at_s == 10

    with_sampling(work)

"""How often the store is looked at for advice: seldom, never for long, and never at a submission's cost."""

import asyncio
from collections.abc import Callable

import pytest

from launchyard.api import history
from launchyard.api.history import LOOKS_AT_ONCE, History
from launchyard.model.event import StateChanged
from launchyard.model.job import Job
from launchyard.model.resources import Request, Usage
from launchyard.model.state import JobState
from launchyard.policy.advice import Run
from launchyard.policy.case import Room
from launchyard.store.memory import MemoryStore
from launchyard.store.protocol import JobQuery
from tests.unit.cluster import T0, job

ASKED = Request(cpus_milli=1000, memory_mib=16_384)


class CountingStore(MemoryStore):
    """Twelve frugal runs of every name."""

    looked = 0

    def jobs(self, query: JobQuery) -> list[Job]:
        self.looked += 1
        return [
            job(
                number,
                name=query.name,
                request=ASKED,
                state=JobState.COMPLETED,
                started_at=T0,
                ended_at=T0 + 60,
                usage=Usage(cpu_s=60.0, memory_peak_mib=1000.0),
            )
            for number in range(12)
        ]


class Bench:
    """A history whose clock and whose reading a test holds in its hand."""

    def __init__(self) -> None:
        self.store = CountingStore()
        self.now = 0.0
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.history = History(self.store, self.read, lambda: self.now)

    def ended(self, user: str) -> None:
        """One of the user's jobs; the clock does not stand still meanwhile."""
        self.history.tell(
            [
                StateChanged(
                    seq=1,
                    job_id=1,
                    user=user,
                    state=JobState.COMPLETED,
                    previous=JobState.RUNNING,
                    at=self.now,
                    account=None,
                )
            ]
        )
        self.now += 0.001

    async def read(self, work: Callable[[], list[Run]]) -> list[Run]:
        await self.may_read.wait()
        return work()

    async def submitted(self, name: str, user: str = "ada") -> str | None:
        found = await self.history.courtesy(wanted(name, user), lambda _: Room())
        return None if found is None else found.options


def wanted(name: str, user: str = "ada") -> Job:
    return job(100, name=name, user=user, request=ASKED)


def test_what_was_read_is_believed_until_a_job_of_the_user_ends() -> None:
    async def scene() -> None:
        bench = Bench()
        assert [await bench.submitted("fit") for _ in range(50)] == ["--mem 1280M -t 5m"] * 50
        assert bench.store.looked == 1
        bench.ended("bob")
        await bench.submitted("fit")
        assert bench.store.looked == 1
        bench.ended("ada")
        await bench.submitted("fit")
        assert bench.store.looked == 2

    asyncio.run(scene())


def test_in_a_storm_of_ends_what_was_read_before_is_told() -> None:
    async def scene() -> None:
        bench = Bench()
        for _ in range(100):
            assert await bench.submitted("fit") is not None
            bench.ended("ada")
        assert bench.store.looked == LOOKS_AT_ONCE

    asyncio.run(scene())


def test_a_storm_of_names_is_looked_at_a_few_times_and_no_other_user_pays() -> None:
    async def scene() -> None:
        bench = Bench()
        told = [await bench.submitted(f"n{number}") for number in range(500)]
        assert told.count(None) == 500 - LOOKS_AT_ONCE
        assert bench.store.looked == LOOKS_AT_ONCE
        assert await bench.submitted("fit", user="bob") is not None
        bench.now += 10
        assert await bench.submitted("later") is not None

    asyncio.run(scene())


def test_who_asks_is_always_told() -> None:
    async def scene() -> None:
        bench = Bench()
        for number in range(50):
            assert await bench.history.advice(wanted(f"n{number}"), lambda _: Room()) is not None

    asyncio.run(scene())


def test_a_slow_store_costs_the_advice_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        monkeypatch.setattr(history, "PATIENCE_S", 0.01)
        bench = Bench()
        bench.may_read.clear()
        assert [await bench.submitted(name) for name in ("a", "b", "c", "a")] == [None] * 4
        assert bench.store.looked == 0
        bench.may_read.set()
        while bench.store.looked < history.READING_MAX:
            await asyncio.sleep(0)
        monkeypatch.setattr(history, "PATIENCE_S", 30)
        assert await bench.submitted("a") is not None
        assert bench.store.looked == history.READING_MAX

    asyncio.run(scene())


def test_a_fault_in_the_advice_is_logged_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    def no_room(_: Job) -> Room:
        raise RuntimeError("no partition")

    async def scene() -> None:
        bench = Bench()
        assert await bench.history.courtesy(wanted("fit"), no_room) is None

    asyncio.run(scene())
    assert "there is no advice for 'fit'" in caplog.text

"""What forgotten jobs leave: texts go when no job names them, keys when none of their jobs is known."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from launchyard.controller.duties.leftovers import KEYS_S, Leftovers, Named
from launchyard.controller.texts import digest
from launchyard.model.change import Change
from launchyard.model.job import Job
from launchyard.model.submission import Submission
from launchyard.store.memory import MemoryStore
from tests.unit.yard import ADA, Yard, running_yard


def of(yard: Yard) -> Leftovers:
    """A sweeper whose memory of texts is empty, as after a restart."""
    return Leftovers(
        yard.controller._loop, yard.store, type(yard.controller._submitting._texts)(yard.store), 0
    )


async def forget(yard: Yard, *job_ids: int) -> None:
    loop = yard.controller._loop
    loop.draft.forgotten += job_ids
    await loop.committed()


async def ended(yard: Yard, script: str) -> Job:
    job = await yard.submit(command=(), script=script)
    yard.engine.finish(await yard.until_launched(job.id))
    return await yard.until_ended(job.id)


def kept(yard: Yard, *scripts: str) -> set[str]:
    names = {digest(ADA.uid, script.encode()): script for script in scripts}
    return {names[name] for name in yard.store.texts(names)}


A, B, C = ("#!/bin/sh\n" + word for word in "abc")


def test_a_script_goes_with_the_last_job_that_has_it() -> None:
    async def scene() -> None:
        async with running_yard() as yard:
            first, second = await ended(yard, A), await ended(yard, A)
            await ended(yard, B)
            await forget(yard, first.id)
            assert await of(yard).sweep() == (0, 0)
            await forget(yard, second.id)
            assert await of(yard).sweep() == (1, 0)
            assert kept(yard, A, B) == {B}

    asyncio.run(scene())


def test_a_script_that_is_at_hand_stays_and_one_that_comes_again_is_brought_again() -> None:
    async def scene() -> None:
        async with running_yard() as yard:
            await forget(yard, (await ended(yard, A)).id)
            texts = yard.controller._submitting._texts
            assert await Leftovers(yard.controller._loop, yard.store, texts, 0).sweep() == (0, 0)
            texts._held.clear()
            assert await Leftovers(yard.controller._loop, yard.store, texts, 0).sweep() == (1, 0)
            await ended(yard, A)
            assert kept(yard, A) == {A}

    asyncio.run(scene())


def test_scripts_that_come_at_any_moment_of_a_look_stay() -> None:
    """The same script is submitted at each step of a look that would take it."""

    class Slow(MemoryStore):
        at: Callable[[], None] = staticmethod(lambda: None)

        def digests(self, *, after: str, limit: int) -> list[str]:
            self.at()
            return super().digests(after=after, limit=limit)

        def digests_of_jobs(self, *, after_id: int, limit: int) -> tuple[set[str], int]:
            found = super().digests_of_jobs(after_id=after_id, limit=limit)
            self.at()
            return found

        def commit(self, changes: Sequence[Change]) -> None:
            self.at()
            super().commit(changes)

    async def scene(step: int) -> None:
        store = Slow()
        async with running_yard(store=store) as yard:
            texts = yard.controller._submitting._texts
            await forget(yard, (await ended(yard, A)).id)
            texts._held.clear()
            loop, steps, coming = asyncio.get_running_loop(), [0], list[asyncio.Future[Any]]()
            asked = [Submission(script=A)]

            def at() -> None:
                steps[0] += 1
                if steps[0] == step:
                    submitting = asyncio.run_coroutine_threadsafe(yard.controller.submit(ADA, asked), loop)
                    coming.append(asyncio.wrap_future(submitting, loop=loop))

            store.at = at
            await Leftovers(yard.controller._loop, store, texts, 0).sweep()
            for one in coming:
                await one
                assert kept(yard, A) == {A}

    for step in range(1, 9):
        asyncio.run(scene(step))


def test_a_key_goes_a_day_after_its_use_when_its_jobs_are_forgotten() -> None:
    async def scene() -> None:
        now = [1_000_000.0]
        async with running_yard(clock=lambda: now[0]) as yard:
            asked = [Submission(command=("true",))]
            for key in ("gone", "lives"):
                await yard.controller.submit(ADA, asked, idempotency=(key, "digest"))
            yard.engine.finish(await yard.until_launched(1))
            await yard.until_ended(1)
            await forget(yard, 1)
            assert await of(yard).sweep() == (0, 0)
            now[0] += KEYS_S + 1
            assert await of(yard).sweep() == (0, 1)
            assert yard.store.idempotency("ada", "gone") is None
            assert yard.store.idempotency("ada", "lives") is not None

    asyncio.run(scene())


def test_what_is_named_is_never_taken_for_left_and_hardly_anything_else_for_named() -> None:
    digests = [digest(number, b"text") for number in range(4000)]
    named = Named(3)
    named.add(digests[:2000])
    assert all(one in named for one in digests[:2000])
    assert sum(one in named for one in digests[2000:]) < 20

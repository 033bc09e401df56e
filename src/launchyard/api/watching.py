"""Waiting until a job comes to a state, told by the controller's commits instead of asking again."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from launchyard.controller.controller import Controller
from launchyard.model.event import StateChanged
from launchyard.model.job import Job


@contextmanager
def until(
    controller: Controller, job_id: int, holds: Callable[[Job | None], bool], event: asyncio.Event
) -> Iterator[None]:
    """Inside, `event` becomes set once `holds` is true of the live job (None: it has ended)."""

    def look(events: Sequence[StateChanged]) -> None:
        if any(told.job_id == job_id for told in events):
            check()

    def check() -> None:
        if holds(controller.live_job(job_id)):
            event.set()

    end = controller.watch(look)
    try:
        check()
        yield
    finally:
        end()

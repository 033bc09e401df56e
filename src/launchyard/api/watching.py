"""Waiting until a job comes to a state, told by the controller's commits instead of asking again."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from launchyard.controller.controller import Controller
from launchyard.model.job import Job


@contextmanager
def until(
    controller: Controller, job_id: int, holds: Callable[[Job | None], bool], event: asyncio.Event
) -> Iterator[None]:
    """Inside, `event` becomes set once `holds` is true of the live job (None: it has ended)."""

    def check() -> None:
        if holds(controller.live_job(job_id)):
            event.set()

    end = controller.watch_job(job_id, check)
    try:
        check()
        yield
    finally:
        end()

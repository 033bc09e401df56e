"""The daemon's side of notebooks: asked of a helper of the session's user."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from launchyard.engine.channel import GONE, Request
from launchyard.engine.environments import Environments
from launchyard.engine.places import Places, node_of
from launchyard.launcher.messages import Message
from launchyard.model.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from launchyard.model.job import Job
from launchyard.model.session import Target, UnixTarget

ANSWER_S = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlace:
    """Where a session's notebooks are, and how its Jupyter is asked of them.

    `root` is the directory that it shows, `prefix` the Python environment that it runs in, `target` None
    where it is not asked, `silent` why. `base` is its path, with a slash at its end.
    """

    session_id: int
    root: str
    prefix: str | None = None
    target: Target | None = None
    silent: str = "the session does not run"
    base: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)


class Notebooks:
    """Asked where the files of their session are."""

    def __init__(self, places: Places, environments: Environments) -> None:
        self._places = places
        self._environments = environments

    def environment(self, job: Job) -> str:
        """Where it has its own copy of its runtime environment. Raises `Unavailable`."""
        return self._environments.on(job.cluster, node_of(job)).directory(job.uid, job.id)

    async def listed(self, job: Job, place: SessionPlace) -> Message:
        """Those of a session, the last edited first."""
        return await self._ask(job, {"t": "notebooks", **_told(place)}, place.root)

    async def one(self, job: Job, place: SessionPlace, path: str) -> Message:
        """One of them whole, without its outputs, and what its kernel has."""
        return await self._ask(job, {"t": "notebook", **_told(place), "path": path}, path)

    async def _ask(self, job: Job, order: Message, path: str) -> Message:
        with Request(await self._places.of(job).helpers.of(job.uid), order) as request:
            request.over = True
            try:
                async with asyncio.timeout(ANSWER_S):
                    said = await request.next()
            except TimeoutError:
                raise Unavailable(f"{path} does not answer; its file system may be gone") from None
        if said["t"] == GONE["t"]:
            raise Unavailable("the process that acts for the user has ended; try again")
        if said["t"] == "error":
            raise _error(said, path)
        return said


def _told(place: SessionPlace) -> dict[str, Any]:
    target = place.target
    told = None
    if target is not None:
        told = {"unix": target.path} if isinstance(target, UnixTarget) else {"tcp": target.port}
    return {
        "root": place.root,
        "prefix": place.prefix,
        "target": told,
        "silent": place.silent,
        "base": place.base,
        "headers": dict(place.headers),
        "workspace": f"launchyard-{place.session_id}",
    }


def _error(said: Message, path: str) -> Exception:
    number, why = said.get("errno", 0), said["why"]
    if number in (2, 20):
        return NotFound(f"there is no notebook {path} in the session", code="no-notebook")
    if number in (1, 13):
        return Forbidden(f"{path} cannot be read: {why}")
    return Invalid(f"{path}: {why}") if number == 0 else Conflict(f"{path} cannot be read: {why}")

"""The apps that a user has: those that came along, the site's and the user's own, read as the user.

Folders are looked at each time somebody asks, so a new app is there without a restart; what has not changed
is not read again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launchyard import apps as shipped
from launchyard.engine.channel import HelperGone, Request, UserHelpers
from launchyard.launcher.messages import Message
from launchyard.model.app import App, Origin, Program
from launchyard.model.errors import Infeasible, Invalid, NotFound, Unavailable
from launchyard.wire.apps import read_app

PATH = "/usr/local/bin:/usr/bin:/bin"
ANSWER_S = 60.0
TRIES = 2
REMEMBERED_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An app, and which of its programs are missing for this user; or a folder that is none, and why."""

    name: str
    origin: Origin
    folder: str
    app: App | None = None
    missing: tuple[Program, ...] = ()
    problem: str | None = None

    @property
    def unavailable(self) -> str | None:
        """Why it cannot be started, one sentence."""
        if self.app is None:
            return self.problem
        if not self.missing:
            return None
        one = self.missing[0]
        hint = f" {one.hint}" if one.hint else " Ask whoever runs it to install it."
        return f"not installed here: no {one.names[0]} was found on this machine.{hint}"


class Apps:
    """By user. `site` are folders of the site's apps; `idle_stop_s` is what holds where nobody says more."""

    def __init__(
        self, helpers: UserHelpers, site: Sequence[str] = (), idle_stop_s: int | None = None
    ) -> None:
        self._helpers = helpers
        self.idle_stop_s = idle_stop_s
        own = str(Path(shipped.__file__).parent)
        self._folders = ((Origin.SHIPPED, own), *((Origin.SITE, folder) for folder in site))
        self._read: dict[tuple[str, str], App | str] = {}

    async def of(self, uid: int, variables: Mapping[str, str]) -> list[Found]:
        """All of a user, whose login has these variables: an own one stands for the site's of its name."""
        folders = [[origin.value, folder] for origin, folder in self._folders]
        told = await self._ask(uid, {"t": "apps", "folders": folders})
        by_name = {one.name: one for one in (self._found(raw) for raw in told.get("found", ()))}
        programs = {
            name
            for one in by_name.values()
            for program in (one.app.programs if one.app is not None else ())
            for name in program.names
        }
        path = variables.get("PATH", PATH)
        there: set[str] = set()
        if programs:
            answer = await self._ask(uid, {"t": "which", "names": sorted(programs), "path": path})
            there = set(answer.get("there", ()))
        found = [_with_missing(one, there) for one in by_name.values()]
        return sorted(found, key=lambda one: (one.app.order if one.app is not None else 9999, one.name))

    async def one(self, uid: int, name: str, variables: Mapping[str, str]) -> Found:
        """Raises `NotFound`."""
        known = await self.of(uid, variables)
        found = next((one for one in known if one.name == name), None)
        if found is None:
            names = ", ".join(one.name for one in known)
            raise NotFound(f'there is no app "{name[:80]}"; there are: {names}')
        return found

    async def pythons(self, uid: int, folders: Sequence[str], path: str) -> list[Mapping[str, Any]]:
        """The interpreters of a user, by where they may be."""
        told = await self._ask(uid, {"t": "pythons", "folders": list(folders), "path": path})
        found: list[Mapping[str, Any]] = told.get("found", [])
        return found

    def _found(self, raw: Mapping[str, str]) -> Found:
        name, folder, origin = raw["name"], raw["folder"], Origin(raw["origin"])
        if "text" not in raw:
            return Found(name=name, origin=origin, folder=folder, problem=raw.get("error"))
        key = (folder, hashlib.sha256(raw["text"].encode()).hexdigest())
        if key not in self._read:
            while len(self._read) >= REMEMBERED_MAX:
                del self._read[next(iter(self._read))]
            try:
                self._read[key] = read_app(name, folder, origin, raw["text"])
            except Invalid as error:
                self._read[key] = str(error)
        read = self._read[key]
        if isinstance(read, str):
            return Found(name=name, origin=origin, folder=folder, problem=read)
        return Found(name=name, origin=origin, folder=folder, app=read)

    async def _ask(self, uid: int, order: Message) -> Mapping[str, Any]:
        for attempt in range(TRIES):
            try:
                return await self._once(uid, order)
            except HelperGone:
                if attempt + 1 == TRIES:
                    raise
        return {}

    async def _once(self, uid: int, order: Message) -> Mapping[str, Any]:
        channel = await self._helpers.of(uid)
        with Request(channel, order) as request:
            request.over = True
            message = await request.next_within(ANSWER_S)
        if message is None:
            raise Unavailable("the folders of apps do not answer; their file system may be gone")
        if message["t"] == "gone":
            raise HelperGone("the process that acts for the user has ended; try again")
        if message["t"] != order["t"]:
            raise Infeasible(f"the apps cannot be read: {message.get('why', 'no reason given')}")
        return message


def _with_missing(found: Found, there: set[str]) -> Found:
    if found.app is None:
        return found
    missing = tuple(one for one in found.app.programs if not there.intersection(one.names))
    return Found(name=found.name, origin=found.origin, folder=found.folder, app=found.app, missing=missing)

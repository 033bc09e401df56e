"""What every route works with: the services, the parts of the API that live as long as the application."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from starlette.requests import HTTPConnection

from launchyard.api.auth import identity_of
from launchyard.api.events import EventHub
from launchyard.api.history import History
from launchyard.api.login.logins import Logins
from launchyard.api.login.password import ByPassword
from launchyard.api.login.provider import Provider
from launchyard.api.ray_jobs.remembered import Remembered
from launchyard.api.services import Services
from launchyard.api.stream import Closing
from launchyard.api.tables.kept import JobTables
from launchyard.api.tokens import TokenTable
from launchyard.model.event import StateChanged
from launchyard.model.submission import Caller

T = TypeVar("T")

READERS = 4


@dataclass(slots=True)
class OidcPlace:
    """Where logins by OpenID Connect are held, once there was one."""

    flow: Any = None


@dataclass(frozen=True, slots=True)
class Context:
    """Made with the application. Reads of the store happen in `readers`, never on the loop."""

    services: Services
    tokens: TokenTable
    closing: Closing
    events: EventHub
    readers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(READERS, thread_name_prefix="api-read")
    )
    history: History = field(init=False)
    job_tables: JobTables = field(default_factory=JobTables)
    ray: Remembered = field(default_factory=Remembered)
    logins: Logins = field(init=False)
    oidc: OidcPlace = field(default_factory=OidcPlace)
    _asking: dict[int, asyncio.Future[Mapping[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        history = History(self.services.store, self.read, time.monotonic)
        object.__setattr__(self, "history", history)
        object.__setattr__(self, "logins", Logins(self.services.secret, further_ways(self.services)))

    def tell(self, events: Sequence[StateChanged]) -> None:
        """What moved, after each commit."""
        self.events.tell(events)
        self.history.tell(events)

    def ask_ahead(self, uid: int) -> None:
        """What a login brings takes a shell seconds to say; it is remembered for what soon needs it."""
        if uid not in self._asking:
            self._asking[uid] = asking = asyncio.ensure_future(self.services.login(uid))
            asking.add_done_callback(lambda _: self._asking.pop(uid))

    async def read(self, work: Callable[[], T]) -> T:
        """Do `work` in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.readers, work)


def further_ways(services: Services) -> Mapping[str, Provider]:
    """Ways to log in by the form, beside links."""
    passwords = services.ways.passwords
    if passwords is None:
        return {}
    return {"password": ByPassword(passwords, services.users, services.owner_uid)}


def context_of(connection: HTTPConnection) -> Context:
    """The context of the application that serves this request."""
    return cast(Context, connection.scope["app"].state.context)


def caller_of(connection: HTTPConnection) -> Caller:
    """Who asks."""
    return identity_of(connection.scope).caller

"""The daemon's side of set-ups: packages and orders to a helper of the job's user, progress and the end back.

Set-ups have helpers of their own, apart from those that read logs.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from launchyard.engine.channel import GONE, Request, UserHelpers
from launchyard.engine.gateway import Gateway, Outpost
from launchyard.launcher.messages import Message
from launchyard.model.errors import Infeasible, LaunchyardError, Unavailable
from launchyard.model.runtimeenv import RuntimeEnv, package_name

TRIES = 3
CONTAINERS = ("apptainer", "podman")
CONDA = ("conda", "mamba", "micromamba")
FETCHERS = {"s3": ("aws", "s5cmd"), "gs": ("gcloud", "gsutil")}
"""Programs of the site's that fetch from there, with the user's own credentials."""
SAID_MAX = 4_000
PHASE_MAX = 200
SHELF_MAX_BYTES = 10 << 30


class SetupFailed(LaunchyardError):
    """The runtime environment cannot be set up; the text is for the job's owner, at first one sentence."""

    status = 409
    code = "runtime-env"


class Opened(NamedTuple):
    """A package that can be read."""

    digest: str
    fd: int


OpenPackage = Callable[[int, str], Opened | None]
"""The package of a user by its name, in a thread; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUpSettings:
    """`directory`: where each user has a private one. `keep_failed_s`: how long a failed job's files stay.

    `memory_mib`: what each process of a set-up may use; that of all together the engine sees to.
    """

    directory: str
    shelf_max_bytes: int = SHELF_MAX_BYTES
    keep_failed_s: float = 0.0
    memory_mib: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUpOrder:
    """What to set up for which job. `task`: `prepare` what is kept, or `furnish` the job with its own copy.

    `variables` are those that the job will have, `running` the jobs of this user whose own copies are in use.
    """

    task: str
    uid: int
    job_id: int
    asked: Mapping[str, Any]
    env: RuntimeEnv
    variables: Mapping[str, str]
    running: Sequence[int]


class Environments(Protocol):
    """Who sets up runtime environments."""

    async def set_up(self, order: SetUpOrder, told: Callable[[str], None]) -> None:
        """Raises `SetupFailed`, or `Unavailable`: try again. Cancelled, it ends what it has begun."""

    async def remove(self, uid: int, job_id: int) -> None:
        """Remove a job's own copy; what cannot be removed now is removed by a later set-up."""

    def directory(self, uid: int, job_id: int) -> str:
        """Where the job's own copy is."""

    def log(self, uid: int, job_id: int) -> str:
        """Where the story of its set-up is."""

    def on(self, cluster: str, node: str | None) -> "Environments":
        """Those of a node; of a cluster that has our files: these. Raises `Unavailable`."""

    @property
    def container(self) -> str:
        """The program that runs containers here; empty: there is none."""

    def refuse(self, env: RuntimeEnv, path: str, *, script: bool) -> None:
        """Raise `Infeasible` for what can never be set up; `path` is where the job looks for programs."""

    def refuse_addresses(self, env: RuntimeEnv, path: str) -> None:
        """Raise `Infeasible` for files that can never be fetched. Ray's clients expect that of the job."""


class HelperEnvironments:
    """`Environments` over helpers."""

    def __init__(
        self,
        helpers: UserHelpers,
        settings: SetUpSettings,
        open_package: OpenPackage,
        uid: int = 0,
    ) -> None:
        """`uid`: as who all jobs run; 0: each as who submitted it."""
        self._helpers = helpers
        self._settings = settings
        self._open_package = open_package
        self._uid = uid
        self.gateways: Mapping[str, Gateway] = {}
        """Of the clusters that keep what is set up on their nodes."""
        self._there: dict[tuple[str, Outpost], HelperEnvironments] = {}

    def on(self, cluster: str, node: str | None) -> "HelperEnvironments":
        gateway = self.gateways.get(cluster)
        if gateway is None or node is None:
            return self
        outpost = gateway.outpost(node)
        if outpost is None:
            raise Unavailable(f"node {node} does not answer at the moment")
        found = self._there.get((node, outpost))
        if found is None:
            helpers = UserHelpers(gateway, self._settings.memory_mib, node)
            kept = replace(self._settings, directory=f"{outpost.state}/environments")
            found = HelperEnvironments(helpers, kept, self._open_package, outpost.uid)
            self._there[node, outpost] = found
        return found

    def close(self) -> None:
        """Let go of the helpers."""
        for one in (self, *self._there.values()):
            one._helpers.close()

    def directory(self, uid: int, job_id: int) -> str:
        return f"{self._root(uid)}/jobs/{job_id}"

    def log(self, uid: int, job_id: int) -> str:
        return f"{self._root(uid)}/logs/{job_id}.log"

    @property
    def container(self) -> str:
        return next((name for name in CONTAINERS if shutil.which(name)), "")

    def refuse(self, env: RuntimeEnv, path: str, *, script: bool) -> None:
        if env.image is not None and script:
            raise Infeasible("runtime_env image_uri goes with a command, not with a script; give a command")
        if env.image is not None and not self.container:
            raise Infeasible(
                f"runtime_env asks for a container, and this machine has none of {', '.join(CONTAINERS)} "
                f"(docker's would run outside of the job); leave out image_uri, or ask the operator for one"
            )
        if env.conda is not None and not _may_have(CONDA, path):
            raise Infeasible(
                f"runtime_env asks for conda, and there is none of {', '.join(CONDA)} on this machine; "
                f"ask for pip or uv instead, or install one"
            )

    def refuse_addresses(self, env: RuntimeEnv, path: str) -> None:
        for uri in env.uris:
            programs = FETCHERS.get(uri.partition("://")[0], ())
            if programs and not _may_have(programs, path):
                raise Infeasible(
                    f"{uri} needs {' or '.join(programs)} on this machine, and none is there; "
                    f"use https://, or upload it"
                )

    async def set_up(self, order: SetUpOrder, told: Callable[[str], None]) -> None:
        try:
            async with asyncio.timeout(order.env.timeout_s):
                for _ in range(TRIES):
                    if await self._try(order, told):
                        return
        except TimeoutError:
            raise SetupFailed(
                f"Timeout: its set-up took longer than {order.env.timeout_s:g} s; "
                f"raise config.setup_timeout_seconds of the runtime_env"
            ) from None
        raise SetupFailed("the process that sets it up was ended several times; look at its set-up log")

    async def remove(self, uid: int, job_id: int) -> None:
        message = {"task": "remove", "job": job_id, "root": self._root(uid), "packages": {}}
        await self._ask(uid, message, [], lambda _: None)

    async def _try(self, order: SetUpOrder, told: Callable[[str], None]) -> bool:
        """False: the helper ended before this did."""
        try:
            packages, fds = await asyncio.to_thread(self._packages, order)
        except OSError as error:
            # Descriptors or the disk: it may be better in a moment, so it is tried again.
            raise Unavailable(f"the packages cannot be opened: {error.strerror}") from None
        message = {
            "task": order.task,
            "job": order.job_id,
            "root": self._root(order.uid),
            "runtime_env": order.asked,
            "variables": dict(order.variables),
            "packages": packages,
            "running": list(order.running),
            "keep_failed_s": self._settings.keep_failed_s,
            "shelf_max_bytes": self._settings.shelf_max_bytes,
            "memory_mib": self._settings.memory_mib,
        }
        said = await self._ask(order.uid, message, fds, told)
        if "failed" in said:
            raise SetupFailed(_bounded(str(said["failed"])))
        return "done" in said

    async def _ask(
        self, uid: int, order: Message, fds: list[int], told: Callable[[str], None]
    ) -> Mapping[str, Any]:
        try:
            channel = await self._helpers.of(uid)
        except BaseException as error:
            for fd in fds:
                os.close(fd)
            if isinstance(error, LaunchyardError) and not isinstance(error, Unavailable):
                raise SetupFailed(str(error)) from None
            raise
        message = {"t": "setup", "order": order, "fds": len(fds)}
        with Request(channel, message, fds=fds, cancel="end_setup") as request:
            while True:
                said = await request.next()
                if "phase" in said:
                    told(_printable(str(said["phase"])).replace("\n", " ")[:PHASE_MAX])
                    continue
                request.over = True
                if said["t"] == "error":
                    raise SetupFailed(str(said["why"]))
                return {} if said["t"] == GONE["t"] else said

    def _packages(self, order: SetUpOrder) -> tuple[dict[str, Any], list[int]]:
        """Those that are there, by URI; one that is missing is missed where it is needed."""
        found: dict[str, Any] = {}
        fds: list[int] = []
        for uri in order.env.uris:
            name = package_name(uri)
            try:
                opened = None if name is None or uri in found else self._open_package(order.uid, name)
            except OSError:
                for fd in fds:
                    os.close(fd)
                raise
            if opened is not None:
                found[uri] = {"digest": opened.digest, "fd": len(fds)}
                fds.append(opened.fd)
        return found, fds

    def _root(self, uid: int) -> str:
        return f"{self._settings.directory}/{self._uid or uid}"


def _may_have(programs: Sequence[str], path: str) -> bool:
    """One of them is there, or in a directory of the user's that only the user can look into."""
    for folder in filter(None, path.split(":")):
        if any(os.access(os.path.join(folder, name), os.X_OK) for name in programs):  # noqa: PTH118
            return True
        try:
            os.stat(folder)  # noqa: PTH116 - of many, and only to see whether we may
        except PermissionError:
            return True
        except OSError:
            continue
    return False


def _printable(text: str) -> str:
    """What may be shown on anybody's terminal: this comes from a process of the user's."""
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)


def _bounded(text: str) -> str:
    """The first line says what, the last ones usually why."""
    text = _printable(text)
    if len(text) <= SAID_MAX:
        return text
    first, _, rest = text.partition("\n")
    return f"{first[:SAID_MAX]}\n[...]\n{rest[-SAID_MAX:]}"

"""Slurm as an engine: it places, it enforces, it accounts; we hand over, look, and tell in our words.

Each launch is one batch job of its user's, known by a mark in its comment. One look at all jobs a poll tells
what became of them; how one ended is read from its runner's own record before Slurm is asked. Nothing is
given to Slurm twice: what was handed over is written down first, and what nobody can find again is lost.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from launchyard.engine.building import Surroundings
from launchyard.engine.channel import Channel, Request, UserHelpers
from launchyard.engine.gateway import Outpost
from launchyard.engine.protocol import Enforcement, EngineFacts, EngineReport, Launch, StepOrder
from launchyard.engine.reaching import reach_elsewhere
from launchyard.engine.slurm.acting import Acting
from launchyard.engine.slurm.asking import PACKAGE, PYTHON
from launchyard.engine.slurm.commands import Commands
from launchyard.engine.slurm.handing import Handing
from launchyard.engine.slurm.journal import Journal
from launchyard.engine.slurm.looking import Looking
from launchyard.engine.slurm.rest import Rest
from launchyard.engine.slurm.table import Table
from launchyard.engine.slurm.ways import Ways, running
from launchyard.launcher.messages import Message
from launchyard.model.ability import Abilities, Lack, Placing
from launchyard.model.job import Job
from launchyard.model.session import Target

RECORDS = ".local/state/launchyard/slurm"
"""Below the home of each user: what must be on a file system that the nodes share."""
LACKS: Mapping[Lack, str] = {
    Lack.TERMINAL: "a job that waits in Slurm's queue has no terminal; once it runs `ly shell` opens one",
    Lack.STEPS: "steps of a job in Slurm are Slurm's own: call Slurm's srun, in its script or by itself",
    Lack.UNLIKE_PARTS: "jobs of unlike parts are not given to Slurm; submit each part by itself",
    Lack.PARTS_OF_CPUS: "Slurm gives whole CPUs and whole GPUs; ask for a whole number",
    Lack.RAY: "no Ray cluster is started inside Slurm's jobs; start one in the script",
}
POLL_LEAST_S = 1.0
OWN_HOOKS = (
    "prolog and epilog of [hooks] are not run here: Slurm runs its own (Prolog and Epilog of slurm.conf)"
)
_log = logging.getLogger(__name__)


def build(around: Surroundings) -> "SlurmEngine":
    """Raises `Invalid` where Slurm's commands cannot be found."""
    helpers, settings = UserHelpers(around.host), around.cluster
    settings = replace(settings, poll_s=max(POLL_LEAST_S, settings.poll_s))
    if around.hooks:
        _log.warning("cluster %s: %s", settings.name, OWN_HOOKS)
    commands = Commands(helpers, bin=settings.bin, conf=settings.conf, hidden=[around.drop_in])
    return SlurmEngine(replace(around, cluster=settings), commands, helpers)


class SlurmEngine:
    """One Slurm cluster. See `engine.protocol` and `engine.queue` for what each method is."""

    suspends = False
    steps = False
    furnishes = False

    def __init__(self, around: Surroundings, commands: Commands, helpers: UserHelpers) -> None:
        settings = around.cluster
        self.abilities = Abilities(
            places=Placing.ENGINE, lacks=LACKS, users=around.serves_all, suspends=False
        )
        self._name = settings.name
        self._table = Table(Journal(around.directory / "journal"), around.clock)
        self._helpers = helpers
        self._around = around
        runner = (Path(__file__).parent / "runner.py").read_text()
        self._handing = Handing(self._table, commands, runner, f"{RECORDS}/{settings.name}", around.drop_in)
        self._acting = Acting(self._table, commands)
        self._looking = Looking(
            self._table,
            commands,
            helpers,
            self._acting,
            cluster=settings.name,
            poll_s=settings.poll_s,
            uid=None if around.serves_all else os.geteuid(),
            rest=Rest(settings.rest, settings.rest_token) if settings.rest else None,
        )
        self._ways = Ways(self._table, commands, helpers)
        self._inside: dict[str, UserHelpers] = {}
        """Who acts inside a job, by launch."""
        self._run: asyncio.Task[None] | None = None

    async def open(self, report: Callable[[Sequence[EngineReport]], None]) -> EngineFacts:
        """A Slurm that does not answer is waited for; one that forgets too early is refused."""
        self._table.report = report
        parts = await self._looking.first()
        self._run = asyncio.ensure_future(self._looking.run())
        site = self._looking.site
        self._ways.version = "" if site is None else site.version
        found = {} if site is None else {"slurm": site.version, "cluster": site.name}
        if self._around.cluster.rest:
            found["rest"] = self._around.cluster.rest
        if self._around.hooks:
            found["hooks"] = OWN_HOOKS
        users = "switched" if self.abilities.users else "single"
        return EngineFacts(
            nodes=parts.nodes,
            partitions=parts.partitions,
            accounts=parts.accounts,
            enforcement=Enforcement(memory="slurm", cpus="slurm", processes="slurm", users=users),
            details=found,
        )

    @property
    def looks(self) -> int:
        """How often Slurm was asked for its jobs."""
        return self._table.look

    def start(self, launches: Sequence[Launch]) -> None:
        self._handing.start(launches)

    def stop(self, launch_id: str, *, signal: int, grace_s: float) -> None:
        self._acting.stop(launch_id, signal, grace_s)

    def signal(
        self, launch_id: str, signal: int, *, main_only: bool = False, steps_only: bool = False
    ) -> None:
        self._acting.signal(launch_id, signal, main_only=main_only, steps_only=steps_only)

    def hold(self, launch_id: str, *, held: bool) -> None:
        self._acting.hold(launch_id, held)

    def amend(self, launch_id: str, job: Job) -> None:
        self._acting.amend(launch_id, job)

    def limit(self, launch_id: str, time_limit_s: float | None) -> None:
        self._acting.limit(launch_id, time_limit_s)

    def order_steps(self, orders: Sequence[StepOrder]) -> None:
        """Steps are Slurm's own."""

    def suspend(self, launch_id: str, *, suspended: bool) -> None:
        """Only Slurm's administrators can."""

    def acknowledge(self, token: int) -> None:
        self._handing.over(self._table.acknowledge(token))

    async def close(self) -> None:
        self._table.report = lambda reports: None
        if self._run is not None:
            self._run.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._run
        await self._table.close()
        for inside in self._inside.values():
            inside.close()
        self._ways.close()
        self._helpers.close()

    # -- the gateway

    def at(self, node: str, launch_id: str, *, inside: bool) -> str | None:
        """Its files are seen from here, as long as homes are shared; its processes only from inside."""
        held = self._table.held.get(launch_id)
        if held is None or held.end is not None or not held.told_started:
            return None
        return launch_id if inside or held.apart else None

    def outpost(self, node: str) -> Outpost | None:
        """Nothing of ours is kept there; a session's own code comes along with its job."""
        return Outpost(state="", package=PACKAGE, python=PYTHON)

    def spool(self, node: str, uid: int) -> str:
        """Where jobs of this user write that name no file; which of them it is each launch tells."""
        return self._handing.directory_of(uid)

    async def user_channel(self, uid: int, memory_mib: int | None = None, node: str | None = None) -> int:
        """`node` is a launch, as `at` has said; there the job's own limits hold."""
        if node is None:
            return await self._around.host.user_channel(uid, memory_mib)
        return await self._ways.channel(node, uid)

    async def reach(self, node: str, uid: int, target: Target) -> int:
        return (await reach_elsewhere(self._inside_of(node), uid, target)).detach()

    async def step(
        self, launch_id: str, uid: int, argv: Sequence[str], env: dict[str, str], cwd: str, terminal: str
    ) -> asyncio.Future[dict[str, Any]]:
        """By a helper inside the job; the variables of the allocation are Slurm's, and srun there too."""
        running(self._table, launch_id, uid)
        path = ":".join(one for one in env.get("PATH", "").split(":") if one != self._around.drop_in)
        order = {
            "t": "step",
            "argv": list(argv),
            "environment": {**env, "PATH": path},
            "directory": cwd,
            "terminal": terminal,
        }
        channel = await self._inside_of(launch_id).of(uid)
        return asyncio.ensure_future(_stepped(channel, order))

    async def usage(self, launch_ids: Sequence[str] | None = None) -> Mapping[str, Mapping[str, float]]:
        """Slurm measures; of running jobs nothing is known here."""
        return {}

    def _inside_of(self, launch_id: str) -> UserHelpers:
        for one in [one for one in self._inside if one not in self._table.held]:
            self._inside.pop(one).close()
        return self._inside.setdefault(launch_id, UserHelpers(self, node=launch_id))


async def _stepped(channel: Channel, order: Message) -> dict[str, Any]:
    """How a command inside a job ended."""
    with Request(channel, order) as request:
        request.over = True
        message = await request.next()
    if message["t"] == "stepped":
        return {name: message[name] for name in ("exit_code", "signal") if name in message}
    return {"error": str(message.get("why") or "the way into its job has ended")}

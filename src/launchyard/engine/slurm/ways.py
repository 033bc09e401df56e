"""Ways into running jobs: Slurm's own `srun --overlap`, run as the job's user, carries helpers of that user.

No port of ours or of an app is opened anywhere: what goes through is what srun carries, and Slurm says who
may begin a step in which job. What comes from a node is read by a process of the user's, never by the daemon,
which is given connected sockets as by any helper.
"""

import asyncio
import re
import sys

from launchyard.agent.inside import HELPER
from launchyard.agent.outside import shell_argv
from launchyard.engine.channel import Channel, Request, UserHelpers
from launchyard.engine.slurm.commands import Commands
from launchyard.engine.slurm.held import Held
from launchyard.engine.slurm.table import Table
from launchyard.engine.slurm.told import version_of
from launchyard.launcher.messages import Message
from launchyard.model.errors import Unavailable

BEGIN_S = 40.0
ANSWER_S = 15.0
OVERLAP_SINCE = (20, 11)
"""Before, steps shared what a job has anyway."""
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Ways:
    """One for each job that somebody wants to get into, made when it is first needed."""

    def __init__(self, table: Table, commands: Commands, helpers: UserHelpers) -> None:
        self._table = table
        self._commands = commands
        self._helpers = helpers
        self._ways: dict[str, Channel] = {}
        self._making: dict[str, asyncio.Lock] = {}
        self.version = ""
        """Of Slurm, once it is known."""

    @property
    def open_count(self) -> int:
        return sum(not one.closed for one in self._ways.values())

    async def channel(self, launch_id: str, uid: int) -> int:
        """A connected socket to a new helper in that job, as its user. Raises `Unavailable`."""
        way = await self._way(launch_id, uid)
        with Request(way, {"t": "open", "what": HELPER}) as request:
            request.over = True
            message = await request.next_within(ANSWER_S)
        if message is None or message["t"] != "opened":
            raise Unavailable(f"the way into the job is gone: {_why(message)}; try again")
        fd: int = message["fds"][0]
        return fd

    def forget_ended(self) -> None:
        """Those that are over, by themselves or with their job."""
        for launch_id, way in list(self._ways.items()):
            held = self._table.held.get(launch_id)
            if held is None or held.end is not None:
                way.close()
            if way.closed:
                del self._ways[launch_id]
        for launch_id in self._making.keys() - self._table.held.keys():
            if not self._making[launch_id].locked():
                del self._making[launch_id]

    def close(self) -> None:
        for way in self._ways.values():
            way.close()

    async def _way(self, launch_id: str, uid: int) -> Channel:
        self.forget_ended()
        async with self._making.setdefault(launch_id, asyncio.Lock()):
            way = self._ways.get(launch_id)
            if way is None or way.closed:
                way = self._ways[launch_id] = await self._made(launch_id, uid)
            return way

    async def _made(self, launch_id: str, uid: int) -> Channel:
        argv = self._command(running(self._table, launch_id, uid))
        with Request(await self._helpers.of(uid), {"t": "way"}) as asked:
            asked.over = True
            message = await asked.next_within(ANSWER_S)
        if message is None or message["t"] != "reached":
            raise Unavailable(f"no way into the job can be made: {_why(message)}; try again")
        way = Channel(message["fds"][0])
        order = {"t": "begin", "argv": argv, "environment": self._commands.environment_of(uid)}
        try:
            with Request(way, {**order, "limit_s": BEGIN_S}) as request:
                request.over = True
                message = await request.next_within(BEGIN_S + ANSWER_S)
            if message is None or message["t"] != "begun":
                raise Unavailable(f"Slurm lets nobody into the job now: {_why(message)}")
        except BaseException:
            way.close()
            raise
        return way

    def _command(self, held: Held) -> list[str]:
        node = node_of(held)
        overlap = ["--overlap"] if version_of(self.version) >= OVERLAP_SINCE else []
        return [
            self._commands.path("srun"),
            f"--jobid={held.given.slurm_id}",
            *overlap,
            *("--nodes=1", "--ntasks=1", f"--nodelist={node}", "--mem=0", "--cpu-bind=none", "--mpi=none"),
            *("--quiet", "--chdir=/", "--export=ALL"),
            *shell_argv(sys.executable),
        ]


def running(table: Table, launch_id: str, uid: int) -> Held:
    """The launch, if it runs and is this user's. Raises `Unavailable`."""
    held = table.held.get(launch_id)
    if held is None or held.given.uid != uid or held.end is not None or held.given.slurm_id is None:
        raise Unavailable("Slurm has no such running job of this user")
    if held.row is None or not held.row.nodes:
        raise Unavailable("Slurm does not say on which node the job is now; try again")
    return held


def node_of(held: Held) -> str:
    """The first of its nodes. Raises `Unavailable` for what is no name of one."""
    node = held.row.nodes[0] if held.row is not None and held.row.nodes else ""
    if not _NODE.fullmatch(node):
        raise Unavailable(f"Slurm calls the node of the job '{node}', which is no name")
    return node


def _why(message: Message | None) -> str:
    if message is None:
        return "no answer"
    said = str(message.get("why") or "the process that acts for the user has ended")
    return re.sub(r"^(slurmstepd|srun): (error: )?", "", said)

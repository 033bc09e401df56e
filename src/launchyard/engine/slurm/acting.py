"""What is asked of jobs that Slurm has: end, signal, hold, change; as their users, an end until it comes."""

import asyncio

from launchyard.engine.protocol import LaunchWaits
from launchyard.engine.slurm.asking import limit_of, update_of
from launchyard.engine.slurm.commands import Commands, Ran
from launchyard.engine.slurm.held import NOT_STARTED, Held, Stop
from launchyard.engine.slurm.table import Table
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.event import Exited
from launchyard.model.job import Job
from launchyard.model.reason import Reason

AGAIN_S = 10.0
"""A job that is still there so long after scancel is asked to end again."""
TERM, KILL = 15, 9


class Acting:
    """Orders for launches that Slurm may have."""

    def __init__(self, table: Table, commands: Commands) -> None:
        self._table = table
        self._commands = commands

    def stop(self, launch_id: str, signal: int, grace_s: float) -> None:
        """An unknown launch is marked never to be given."""
        held = self._table.held.get(launch_id)
        if held is None:
            self._table.never.add(launch_id)
            return
        if held.given.found and not held.told_found:
            # Asked of what is not known above us: it is its user's own, and none of our leftovers.
            return
        held.stop = held.stop or Stop(signal=signal, grace_s=grace_s)
        if held.away and held.end is None:
            self._table.ended(held, Exited(at=self._table.clock(), error=NOT_STARTED))
        self.see_to(held)

    def see_to(self, held: Held) -> None:
        """Ask for the end that is wanted, now and every while until it has come."""
        stop, now = held.stop, self._table.clock()
        if stop is None or held.end is not None or held.given.slurm_id is None:
            return
        if stop.asked_at is not None and now - stop.asked_at < max(AGAIN_S, stop.grace_s):
            return
        first, stop.asked_at = stop.asked_at is None, now
        polite = first and stop.signal not in (TERM, KILL) and held.told_started
        self._table.later(self._politely(held, stop) if polite else self._cancel(held))

    def signal(self, launch_id: str, signal: int, *, main_only: bool, steps_only: bool) -> None:
        held = self._table.held.get(launch_id)
        if held is not None and held.given.slurm_id is not None:
            to = ["--batch"] if main_only else [] if steps_only else ["--full"]
            self._table.later(self._scancel(held, f"--signal={signal}", *to))

    def hold(self, launch_id: str, wanted: bool) -> None:
        """Told again it changes nothing, unless somebody has held it in Slurm meanwhile."""
        held = self._table.held.get(launch_id)
        if held is None:
            return
        now = held.kept_waiting if held.kept_waiting is not None else held.job is not None and held.job.held
        is_held = held.told_reason is not None and held.told_reason.code == "held"
        if now != wanted or is_held != wanted:
            held.kept_waiting = wanted
            self._change(launch_id, "uhold" if wanted else "release")

    def limit(self, launch_id: str, time_limit_s: float | None) -> None:
        self._change(launch_id, "update", f"TimeLimit={limit_of(time_limit_s)}")

    def amend(self, launch_id: str, job: Job) -> None:
        """Only what is different; what Slurm refuses is told as why the job waits."""
        held = self._table.held.get(launch_id)
        if held is None:
            return
        before, held.job = held.job, job
        try:
            words = [] if before is None else update_of(before, job, launch_id)
        except Invalid as error:
            self._refused(held, str(error))
            return
        if words:
            self._change(launch_id, "update", *words)

    def _change(self, launch_id: str, verb: str, *words: str) -> None:
        held = self._table.held.get(launch_id)
        if held is not None:
            self._table.later(self._scontrol(held, verb, *words))

    async def _scontrol(self, held: Held, verb: str, *words: str) -> None:
        if not await self._has_number(held):
            return
        number = str(held.given.slurm_id)
        named = [f"JobId={number}", *words] if verb == "update" else [number]
        ran = await self._act(held, "scontrol", verb, *named)
        if not ran.ok:
            self._refused(held, f"Slurm refused the change: {ran.sentence}")

    async def _has_number(self, held: Held) -> bool:
        """What is asked right after the submission waits for sbatch."""
        for _ in range(300):
            if held.given.slurm_id is not None or held.end is not None or not held.sending:
                break
            await asyncio.sleep(0.1)
        return held.given.slurm_id is not None and held.end is None

    async def let_go(self, held: Held) -> None:
        """What Slurm holds to run has ended."""
        await self._scancel(held)

    async def _politely(self, held: Held, stop: Stop) -> None:
        await self._scancel(held, f"--signal={stop.signal}", "--full")
        await asyncio.sleep(stop.grace_s)
        await self._cancel(held)

    async def _cancel(self, held: Held) -> None:
        if held.end is None:
            await self._scancel(held)

    async def _scancel(self, held: Held, *words: str) -> None:
        await self._act(held, "scancel", *words, str(held.given.slurm_id))

    async def _act(self, held: Held, name: str, *words: str) -> Ran:
        try:
            return await self._commands.act(held.given.uid, name, *words)
        except LaunchyardError as error:
            return Ran(code=1, error=str(error))

    def _refused(self, held: Held, sentence: str) -> None:
        held.told_reason = Reason(code="engine", sentence=sentence)
        self._table.tell([LaunchWaits(launch_id=held.launch_id, reason=held.told_reason)])

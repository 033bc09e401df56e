"""Handing launches to Slurm by sbatch, each once: written down first, and never tried again in doubt."""

import asyncio
import logging
import pwd
import zlib
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import launchyard
from launchyard.agent import code, outside
from launchyard.engine.protocol import Launch
from launchyard.engine.slurm.asking import Code, sbatch_of, script_of
from launchyard.engine.slurm.commands import Commands, Ran
from launchyard.engine.slurm.found import is_found
from launchyard.engine.slurm.held import NOT_STARTED, Held
from launchyard.engine.slurm.journal import Given
from launchyard.engine.slurm.table import Table
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.event import Exited

_log = logging.getLogger(__name__)

AT_ONCE = 8
FULL_S = 5.0
"""How long to wait for room where the journal is, before it is tried again."""
GONE = "its user gave it to Slurm past us, and Slurm has no record of it any more"
AWAY = (
    *("unable to contact slurm controller (connect failure)", "connection refused", "no route to host"),
    *("unable to establish controller machine", "unable to resolve"),
)
"""Slurm never heard of it, for certain."""
IN_DOUBT = (
    *(
        "timed out",
        "zero bytes were transmitted",
        "unexpected message",
        "connection reset",
        "unable to contact",
    ),
    *("communication", "i/o error", "protocol authentication error"),
)
"""Slurm may have taken it."""


class Handing:
    """`directory` is where a user's records and logs are, below the user's home; `hidden` that of our own
    commands with the names of Slurm's."""

    def __init__(self, table: Table, commands: Commands, runner: str, directory: str, hidden: str) -> None:
        self._table = table
        self._commands = commands
        self._runner = runner
        self._directory = directory
        self._hidden = hidden
        self._done: dict[int, list[str]] = defaultdict(list)
        """Records of a user's launches that are over."""
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._homes: dict[int, str] = {}

    def start(self, launches: Sequence[Launch]) -> None:
        """Those that are new; what is wrong with one ends it."""
        table, fresh = self._table, list[tuple[Launch, Held]]()
        for launch in launches:
            if launch.launch_id in table.held or launch.launch_id in table.journal.gone:
                continue
            given = Given(
                uid=launch.uid,
                at=table.clock(),
                job_id=launch.job_id,
                names_output=launch.stdout is not None,
                needs=launch.needs or "",
                session=launch.job is not None and launch.job.session is not None,
                memory_mib=0 if launch.job is None else launch.job.request.memory_mib,
            )
            held = Held(launch_id=launch.launch_id, given=given, job=launch.job, sending=True)
            table.held[launch.launch_id] = held
            if is_found(launch.launch_id):
                table.ended(held, Exited(at=table.clock(), lost=True, error=GONE))
            elif launch.launch_id in table.never:
                table.never.discard(launch.launch_id)
                table.ended(held, Exited(at=table.clock(), error=NOT_STARTED))
            else:
                fresh.append((launch, held))
        if fresh:
            table.later(self._give(fresh))

    def over(self, done: Sequence[Held]) -> None:
        """Nobody needs their records any more; they go with the next submission of their user."""
        for held in done:
            if held.given.directory:
                base = f"{held.given.directory}/{held.launch_id}"
                self._done[held.given.uid] += [f"{base}.start", f"{base}.end"]

    async def _give(self, fresh: Sequence[tuple[Launch, Held]]) -> None:
        for launch, held in fresh:
            held.given.directory = f"{await self._home(launch.uid)}/{self._directory}"
        journal = self._table.journal
        lines = journal.note((held.launch_id, held.given) for _, held in fresh)
        while not await self._noted(lines):
            await asyncio.sleep(FULL_S)
        for launch, held in fresh:
            self._table.later(self._submit(launch, held))

    async def _noted(self, lines: list[dict[str, Any]]) -> bool:
        """Whether they are on record; nothing is given to Slurm before."""
        try:
            await asyncio.to_thread(self._table.journal.write, lines)
        except OSError as error:
            _log.error("nothing is given to Slurm until its journal can be written: %s", error)
            return False
        return True

    async def _submit(self, launch: Launch, held: Held) -> None:
        async with self._turns:
            while not await self._tried(launch, held):
                held.away = True
                await self._table.answers.wait()
        held.away = held.sending = False

    async def _tried(self, launch: Launch, held: Held) -> bool:
        """False: Slurm was away, and will be asked again when it answers."""
        table = self._table
        if held.end is not None:
            return True
        if held.stop is not None:
            table.ended(held, Exited(at=table.clock(), error=NOT_STARTED))
            return True
        try:
            arguments = sbatch_of(launch)
            brought = await asyncio.to_thread(_code) if held.given.session else None
            script = script_of(launch, self._runner, held.given.directory, self._hidden, held.log, brought)
            ran = await self._commands.act(
                launch.uid,
                "sbatch",
                *arguments,
                given=script,
                makes=held.given.directory,
                removes=self._done.pop(launch.uid, ()),
                directory=launch.working_dir,
            )
        except Invalid as error:
            table.ended(held, Exited(at=table.clock(), error=str(error)))
            return True
        except LaunchyardError as error:
            table.ended(held, Exited(at=table.clock(), error=f"it could not be given to Slurm: {error}"))
            return True
        finally:
            held.sent_in = table.look
        return self._answered(held, ran)

    def _answered(self, held: Held, ran: Ran) -> bool:
        slurm_id = number_of(ran)
        if slurm_id is not None:
            held.given.slurm_id = slurm_id
            self._table.journal.took(held.launch_id, slurm_id)
            self._table.tell(held.taken())
            return True
        verdict = ran.error.lower()
        if ran.code is None or ran.ok:
            return True
        if any(text in verdict for text in AWAY):
            self._table.away()
            return False
        if not any(text in verdict for text in IN_DOUBT):
            sentence = f"Slurm refused it: {ran.sentence}"
            self._table.ended(held, Exited(at=self._table.clock(), error=sentence))
        return True

    def directory_of(self, uid: int) -> str:
        """Where records and logs of a user are."""
        return f"{self._homes.get(uid) or _home_of(uid)}/{self._directory}"

    async def _home(self, uid: int) -> str:
        if uid not in self._homes:
            self._homes[uid] = await asyncio.to_thread(_home_of, uid)
        return self._homes[uid]


@cache
def _code() -> Code:
    """What runs in a session's job."""
    plain = code.pack(str(Path(launchyard.__file__).parent))
    return Code(packed=zlib.compress(plain), version=code.digest(plain), root=outside.ROOT)


def number_of(ran: Ran) -> int | None:
    """What `sbatch --parsable` answered: `12`, or `12;cluster`."""
    first = ran.out.strip().split("\n")[-1].partition(";")[0]
    return int(first) if ran.ok and first.isdigit() else None


def _home_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/tmp"  # noqa: S108 (the user is gone; its jobs cannot start anyway)

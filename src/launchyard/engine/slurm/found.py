"""Jobs that their users gave to Slurm past us: they are listed like those that were given through us."""

import asyncio
import pwd
from collections.abc import Sequence

from launchyard.engine.protocol import EngineReport, LaunchFound
from launchyard.engine.slurm.held import Held
from launchyard.engine.slurm.journal import Given
from launchyard.engine.slurm.table import Table
from launchyard.engine.slurm.told import ENDED, Row
from launchyard.model.job import Job, JobKind
from launchyard.model.resources import Request

AT_ONCE = 500
"""So many are taken in at one look, so that a full queue at the first look keeps nobody waiting."""


def found_id(row: Row) -> str:
    """The launch by which such a job is known: the same at each look, and not that of a number used again."""
    return f"s{row.slurm_id}t{int(row.submitted_at or 0)}"


def is_found(launch_id: str) -> bool:
    """Launches of ours are hexadecimal numbers."""
    return launch_id.startswith("s")


class Found:
    """Takes in what it has not seen."""

    def __init__(self, table: Table, cluster: str) -> None:
        self._table = table
        self._cluster = cluster
        self._users: dict[int, str] = {}
        self._asked: set[int] = set()

    def told(self, reports: Sequence[EngineReport]) -> None:
        """The controller has taken these."""
        for report in reports:
            if isinstance(report, LaunchFound):
                self._table.held[report.launch_id].told_found = True

    def new(self, rows: Sequence[Row]) -> list[EngineReport]:
        """Reports of jobs that bear no mark of ours, have not ended, and whose user this machine knows."""
        fresh: list[tuple[str, Row]] = []
        for row in rows:
            launch_id = found_id(row)
            held = self._table.held.get(launch_id)
            if row.launch is None and row.state not in ENDED and (held is None or not held.told_found):
                if row.uid in self._users:
                    fresh.append((launch_id, row))
                elif row.uid not in self._asked:
                    self._asked.add(row.uid)
                    self._table.later(self._learn(row.uid))
        return [self._take(launch_id, row) for launch_id, row in fresh[:AT_ONCE]]

    def _take(self, launch_id: str, row: Row) -> EngineReport:
        at = row.submitted_at or self._table.clock()
        if launch_id not in self._table.held:
            given = Given(uid=row.uid, at=at, slurm_id=row.slurm_id, found=True)
            self._table.held[launch_id] = Held(launch_id=launch_id, given=given)
            self._table.journal.note([(launch_id, given)])
            self._table.journal.took(launch_id, row.slurm_id)
        job = Job(
            id=0,
            name=row.name,
            kind=JobKind.BATCH,
            user=self._users[row.uid],
            uid=row.uid,
            partition=row.partition.partition(",")[0],
            submitted_at=at,
            account=row.account or None,
            qos=row.qos or "normal",
            cluster=self._cluster,
            engine_id=str(row.slurm_id),
            request=Request(
                cpus_milli=1000 * row.cpus,
                memory_mib=row.memory_mib,
                gpus=row.gpus * max(1, len(row.nodes)),
                nodes=max(1, len(row.nodes)),
            ),
            time_limit_s=row.time_limit_s,
            working_dir=row.working_dir,
        )
        return LaunchFound(launch_id=launch_id, engine_id=str(row.slurm_id), job=job)

    async def _learn(self, uid: int) -> None:
        name = await asyncio.to_thread(_name_of, uid)
        if name is not None:
            self._users[uid] = name


def _name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None

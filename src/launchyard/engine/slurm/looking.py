"""Looking at Slurm: one question about all jobs a poll, and what follows from the answer.

A launch that a look does not show, though it was Slurm's before that look began, is searched for where it may
be known; what nobody knows of for a while is lost. While Slurm does not answer nothing is concluded.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from launchyard.engine.channel import UserHelpers
from launchyard.engine.protocol import EngineConnected, EngineLost, EngineReport, NodesChanged
from launchyard.engine.slurm.acting import Acting
from launchyard.engine.slurm.commands import Commands
from launchyard.engine.slurm.found import Found, found_id
from launchyard.engine.slurm.held import Held
from launchyard.engine.slurm.outcome import in_accounting, output_of, records_of, remembered
from launchyard.engine.slurm.rest import Rest
from launchyard.engine.slurm.site import Parts, Site, parts_of, site_of
from launchyard.engine.slurm.table import Table
from launchyard.engine.slurm.told import ENDED, Accounted, Row, Rows, squeue_words, version_of
from launchyard.engine.slurm.whereabouts import Whereabouts
from launchyard.engine.slurm.words import LATE_S, begun_twice, end_of, lacking
from launchyard.model.errors import Invalid, LaunchyardError, Unavailable
from launchyard.model.event import Exited

GLANCE_S = 30.0
"""How often the record of a running job is looked for: Slurm may never notice that it has ended."""
FORGET_S = 60.0
"""So long a launch may be missing everywhere before it is lost."""
SEARCH_S = 10.0
"""How often it is searched for meanwhile."""
DOUBT_S = 30.0
"""So long the runner's record is waited for where Slurm says FAILED without it: it says so too of a launch
whose answer came late, and which runs to its end all the same."""
NODES_S = 30.0
PAUSE_MAX_S = 30.0
"""The longest pause between two looks at a Slurm that does not answer."""
ENDS_AT_ONCE = 16
FORGOTTEN = "Slurm has no record of it any more, so its exit code is not known"
NEVER_SEEN = "sbatch did not answer, and Slurm has no job with its mark; whether it ran is not known"

_log = logging.getLogger(__name__)


class Looking:
    """`uid` is the only user whose jobs are looked at; None: everybody's."""

    def __init__(
        self,
        table: Table,
        commands: Commands,
        helpers: UserHelpers,
        acting: Acting,
        *,
        cluster: str,
        poll_s: float,
        uid: int | None,
        rest: Rest | None = None,
    ) -> None:
        self._table = table
        self._commands = commands
        self._helpers = helpers
        self._acting = acting
        self._cluster = cluster
        self._poll_s = poll_s
        self._uid = uid
        self._rest = rest
        self._rest_away = ""
        """Why it was not asked at the last look."""
        self._ends = asyncio.Semaphore(ENDS_AT_ONCE)
        self._pause_s = poll_s
        self._nodes_at = 0.0
        self._wrong = ""
        """What was last found wrong with its settings."""
        self.site: Site | None = None
        self.parts = Parts()
        self._rows = Rows()
        self._found = Found(table, cluster)
        self._whereabouts = Whereabouts(table, helpers)

    async def first(self) -> Parts:
        """What can be known before the first look. Raises `Invalid` for what an operator has to mend."""
        try:
            self.site, self.parts = await asyncio.gather(
                site_of(self._commands, self._poll_s), parts_of(self._commands, self._cluster)
            )
            self._nodes_at = self._table.clock()
        except Unavailable as error:
            _log.warning("%s; cluster %s is used when it does", error, self._cluster)
        return self.parts

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._look()
            except Exception:
                # A fault of ours in one look is no reason never to look again.
                _log.exception("a look at cluster %s went wrong", self._cluster)
            await asyncio.sleep(self._pause_s)

    async def _look(self) -> None:
        began = self._table.clock()
        self._table.look += 1
        rows, why = await self._jobs()
        if rows is None:
            self._away(began, why)
            return
        if self.site is None:
            await self._know_site()
        self._pause_s = self._poll_s
        self.take(rows)
        if self._table.clock() - self._nodes_at >= NODES_S:
            await self._look_at_nodes()

    async def _jobs(self) -> tuple[Sequence[Row] | None, str]:
        """All jobs now; None: Slurm does not answer, and why. Without its slurmrestd squeue is asked."""
        if self._rest is not None:
            try:
                rows, self._rest_away = await self._rest.jobs(self._uid), ""
            except Unavailable as error:
                if str(error) != self._rest_away:
                    self._rest_away = str(error)
                    _log.warning("cluster %s: %s; squeue is asked instead", self._cluster, error)
            else:
                return rows, ""
        of = [] if self._uid is None else ["-u", str(self._uid)]
        words = squeue_words(() if self.site is None else version_of(self.site.version))
        ran = await self._commands.look("squeue", "-h", "-a", "-t", "all", *words, *of)
        if not ran.ok:
            return None, ran.sentence
        return await asyncio.to_thread(self._rows.read, ran.out), ""

    async def _know_site(self) -> None:
        """One that was away at our start; what is wrong with it then can only be told in the log, once."""
        try:
            self.site = await site_of(self._commands, self._poll_s)
        except (Invalid, Unavailable) as error:
            if str(error) != self._wrong:
                self._wrong = str(error)
                _log.error("cluster %s: %s", self._cluster, error)

    def _away(self, since: float, why: str) -> None:
        self._pause_s = min(2 * self._pause_s, max(PAUSE_MAX_S, self._poll_s))
        self._table.away()
        if self._table.connected:
            _log.warning("Slurm of cluster %s does not answer: %s", self._cluster, why)
            self._table.tell([EngineLost(since=since)])
            self._table.connected = False

    async def _look_at_nodes(self) -> None:
        self._nodes_at = self._table.clock()
        try:
            parts = await parts_of(self._commands, self._cluster)
        except Unavailable:
            return
        if parts != self.parts:
            self.parts = parts
            changed = NodesChanged(nodes=parts.nodes, partitions=parts.partitions, accounts=parts.accounts)
            self._table.tell([changed])

    # -- what a look says

    def take(self, rows: Sequence[Row]) -> None:
        """All rows of the look that began last."""
        table, reports = self._table, list[EngineReport]()
        by_launch: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            held = table.held.get(row.launch or found_id(row))
            if held is not None and held.given.uid == row.uid:
                by_launch[held.launch_id].append(row)
        connected = [] if table.connected else self._connected()
        table.answers.set()
        for held in list(table.held.values()):
            if held.end is not None or held.ending:
                continue
            if (mine := by_launch.get(held.launch_id)) is not None:
                reports += self._seen(held, mine)
            elif not self._is_new(held):
                self._missing(held)
            self._acting.see_to(held)
        found = self._found.new(rows)
        table.tell([*connected, *found, *reports])
        self._found.told(found)

    def _connected(self) -> list[EngineReport]:
        table = self._table
        known = frozenset(table.held)
        found = frozenset(launch_id for launch_id, held in table.held.items() if held.given.found)
        connected = EngineConnected(epoch=table.journal.epoch, known=known, found=found)
        return [connected, *table.connect()]

    def _seen(self, held: Held, rows: Sequence[Row]) -> list[EngineReport]:
        """Twice the same mark is somebody's copy of a comment: ours is the first."""
        row = min(rows, key=lambda one: (one.slurm_id != held.given.slurm_id, one.slurm_id))
        held.missing_since = None
        if held.given.slurm_id is None:
            held.given.slurm_id = row.slurm_id
            self._table.journal.took(held.launch_id, row.slurm_id)
        now = self._table.clock()
        if row.state in ENDED:
            held.ending = True
            self._table.later(self._finish(held, row))
            return list(held.taken())
        if held.told_started and held.given.directory and now - held.looked_at >= GLANCE_S:
            if held.looked_at:
                self._table.later(self._glance(held))
            held.looked_at = now
        if row.nodes and held.given.found and held.given.output is None:
            held.given.output = ""
            self._table.later(self._learn_output(held, row.slurm_id))
        if row.nodes and held.apart is None:
            self._whereabouts.learn(held, row.nodes[0], now)
        return list(held.news(row, now, self._table.next_token))

    def _is_new(self, held: Held) -> bool:
        """The look may have begun before Slurm had it."""
        return held.sending or held.away or held.sent_in >= self._table.look

    async def _finish(self, held: Held, row: Row) -> None:
        """Ask how it ended, and tell."""
        async with self._ends:
            try:
                if held.given.found and held.given.output is None:
                    await self._ask_output(held, row.slurm_id)
                found = await records_of(self._helpers, held.launch_id, held.given)
                told, since = None, held.doubted_since
                if found.end is None and row.state == "FAILED":
                    if since is not None and self._doubts(held, self._table.clock()):
                        return
                    told = await remembered(self._commands, row.slurm_id)
                now = self._table.clock()
                at = min(row.end_at or now, now)
                exited = lacking(at, held.given.needs, told) or begun_twice(at, found.start, told)
                if exited is None:
                    if row.state == "FAILED" and found.end is None and self._doubts(held, now):
                        return
                    exited = end_of(row.state, at, found.end, told)
                self._table.ended(held, exited, held.started_by(row, now, self._table.next_token))
            finally:
                held.ending = False

    @staticmethod
    def _doubts(held: Held, now: float) -> bool:
        """Whether its runner may yet write down how it ended: each look asks for that, and Slurm only at
        the first and after the last."""
        held.doubted_since = held.doubted_since or now
        return bool(held.given.directory) and now - held.doubted_since < DOUBT_S

    async def _learn_output(self, held: Held, slurm_id: int) -> None:
        async with self._ends:
            await self._ask_output(held, slurm_id)

    async def _ask_output(self, held: Held, slurm_id: int) -> None:
        """Of a job that was given past us: its log is where its user let it print."""
        held.given.output = await output_of(self._commands, slurm_id)
        if held.given.output and held.end is None:
            self._table.journal.took(held.launch_id, slurm_id)
            held.told_taken = False
            self._table.tell(held.taken())

    async def _glance(self, held: Held) -> None:
        """Its program ended long ago, and Slurm has not seen it: that is the end, and Slurm is to let go."""
        async with self._ends:
            found = await records_of(self._helpers, held.launch_id, held.given)
        now = self._table.clock()
        if found.end is not None and held.end is None and now - float(found.end["at"]) > LATE_S:
            self._table.ended(held, end_of("RUNNING", now, found.end, None))
            await self._acting.let_go(held)

    def _missing(self, held: Held) -> None:
        now = self._table.clock()
        if held.missing_since is None:
            held.missing_since = now
        if now - held.looked_at >= SEARCH_S:
            held.looked_at, held.ending = now, True
            self._table.later(self._search(held))

    async def _search(self, held: Held) -> None:
        """Its runner's records, then accounting; in vain for a while: it is lost."""
        try:
            async with self._ends:
                found = await records_of(self._helpers, held.launch_id, held.given)
                one = await self._accounted(held)
        finally:
            held.ending = False
        now, since = self._table.clock(), held.missing_since
        if found.end is not None:
            self._over(held, "COMPLETED", now, found.end, one)
        elif one is not None and one.state in ENDED:
            self._over(held, one.state, one.end_at or now, None, one)
        elif since is not None and now - since >= FORGET_S and self._table.connected:
            sentence = FORGOTTEN if held.given.slurm_id is not None or found.start else NEVER_SEEN
            self._table.ended(held, Exited(at=now, lost=True, error=sentence))

    def _over(
        self, held: Held, state: str, at: float, record: Mapping[str, Any] | None, one: Accounted | None
    ) -> None:
        """It ended while nobody looked."""
        now = self._table.clock()
        nodes = one.nodes if one is not None else (str(record["node"]),) if record is not None else ()
        start_at = one.start_at if one is not None else None
        begun = held.started_on(nodes, start_at, now, self._table.next_token)
        told = None if one is None else (one.exit_code, one.signal)
        self._table.ended(held, end_of(state, at, record, told), [*held.taken(), *begun])

    async def _accounted(self, held: Held) -> Accounted | None:
        if self.site is None or not self.site.accounts:
            return None
        try:
            return await in_accounting(self._commands, held.launch_id, held.given, self._table.clock())
        except (LaunchyardError, OSError):
            return None

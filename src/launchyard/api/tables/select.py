"""Which jobs a table shows: the live ones of the controller, and of the store those that ended lately."""

from collections.abc import Iterable
from dataclasses import dataclass

from launchyard.api.context import Context
from launchyard.api.query import Query
from launchyard.api.tables.parts import LOOKED_FOR, ended_of_part, parts_shown
from launchyard.controller.controller import Controller
from launchyard.controller.tally import Group
from launchyard.model.errors import Invalid
from launchyard.model.job import Job
from launchyard.model.number import is_digits, shown
from launchyard.model.parts import ids_of
from launchyard.model.sight import EVERYBODYS, Sight
from launchyard.model.state import JobState
from launchyard.store.protocol import JobQuery, Store

PARAMETERS = ("user", "users", "ids", "states", "partitions", "clusters", "recent")
IDS_MAX = 2_000
ENDED_MAX = 50_000
"""So many ended jobs are shown at most, the newest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Empty means any. `ids` are of jobs, and of arrays with all their tasks; `recent`: ended ones too.

    `sight` is whose jobs the caller may see.
    """

    users: frozenset[str] = frozenset()
    ids: frozenset[int] = frozenset()
    states: frozenset[JobState] = frozenset()
    partitions: frozenset[str] = frozenset()
    clusters: frozenset[str] = frozenset()
    recent: bool = False
    sight: Sight = EVERYBODYS

    @property
    def everything(self) -> bool:
        """Nothing was asked for by name: nobody of many has to be looked at."""
        return self in (Selection(), Selection(recent=True))

    def concerns(self, group: Group) -> bool:
        """Whether jobs of the group can be wanted at all."""
        return (
            self.sight.has(group.user, group.account)
            and (not self.states or group.state in self.states)
            and (not self.users or group.user in self.users or str(group.uid) in self.users)
        )

    def wants(self, job: Job) -> bool:
        return (
            self.sight.covers(job)
            and (not self.states or job.state in self.states)
            and (not self.users or job.user in self.users or str(job.uid) in self.users)
            and (not self.partitions or job.partition in self.partitions or bool(job.parts))
            and (not self.clusters or job.cluster in self.clusters)
            and (not self.ids or self._names(job))
            and (self.recent or job.ended_at is None)
        )

    def shown(self, jobs: list[Job]) -> list[Job]:
        """The jobs, and instead of one that has unlike parts those of its parts that are wanted."""
        if not any(job.parts for job in jobs):
            return jobs
        return [one for job in jobs for one in ((job,) if not job.parts else self._parts(job))]

    def _parts(self, job: Job) -> list[Job]:
        found = parts_shown(job, self.ids)
        return [one for one in found if not self.partitions or one.partition in self.partitions]

    def _names(self, job: Job) -> bool:
        if job.parts:
            return not self.ids.isdisjoint(ids_of(job))
        return job.id in self.ids or (job.task is not None and job.task.job_id in self.ids)


def selection_of(query: Query, sight: Sight) -> Selection:
    """What the parameters say. Raises `Invalid`."""
    users = _words(query.text("users")) | _words(query.text("user"))
    return Selection(
        users=users,
        ids=_ids(query.text("ids")),
        states=query.states("states"),
        partitions=_words(query.text("partitions")),
        clusters=_words(query.text("clusters")),
        recent=query.flag("recent"),
        sight=sight,
    )


async def selected(context: Context, asked: Selection, since: float) -> list[Job]:
    """The jobs, live ones first; of the ended ones those that ended since then, newest first."""
    controller, store = context.services.controller, context.services.store
    live = _live(controller, asked)
    if not asked.recent:
        return asked.shown(live)
    here = {job.id for job in live}
    missing = asked.ids and asked.ids.difference(here, *(ids_of(job) for job in live))
    rows = await context.read(lambda: _stored(store, asked, since, missing))
    ended = {job.id: job for job in rows if _belongs(job, asked, since) and job.id not in here}
    # One of them may be in the queue again, since it was read or before.
    live += [job for job in _live(controller, asked) if job.id not in here]
    return asked.shown([*live, *(job for job in ended.values() if controller.live_job(job.id) is None)])


def _live(controller: Controller, asked: Selection) -> list[Job]:
    """Also those whose end is on its way to the store."""
    live = _named(controller, asked.ids) if asked.ids else list(controller.live_jobs(asked.concerns))
    if not asked.everything:
        live = [job for job in live if asked.wants(job)]
    return [job for job in live if not job.ended or _stands(job)]


def _named(controller: Controller, ids: Iterable[int]) -> list[Job]:
    """Live jobs with these ids, their tasks, and jobs that have parts with them: those follow their own id.

    Asked for by who waits for a few jobs, often, among many that wait.
    """
    found: dict[int, Job] = {}
    for id in ids:
        nearest = controller.live_job(id) or next(controller.newest(lambda group: True, id), None)
        found |= {job.id: job for job in (nearest, *controller.live_tasks(id)) if job is not None}
    return [found[id] for id in sorted(found)]


def _stored(store: Store, asked: Selection, since: float, missing: frozenset[int]) -> list[Job]:
    """Rows of the store. An id that no job has may be that of a part of the job before."""
    rows = [job for query in _queries(asked, since) for job in store.jobs(query)]
    for id in sorted(missing - {job.id for job in rows})[:LOOKED_FOR]:
        rows += ended_of_part(store, id)
    return rows


def _belongs(job: Job, asked: Selection, since: float) -> bool:
    return asked.wants(job) and job.ended_at is not None and job.ended_at >= since and _stands(job)


def _stands(job: Job) -> bool:
    """An array's record ends with its tasks, which stand for it."""
    return job.array is None or bool(job.array.waiting)


def _queries(asked: Selection, since: float) -> Iterable[JobQuery]:
    if not asked.ids:
        own = None if asked.sight.accounts else asked.sight.user
        user = own or (min(asked.users) if len(asked.users) == 1 else None)
        name = None if user is None or user.isdigit() else user
        yield JobQuery(ended=True, since=since, user=name, sight=asked.sight, limit=ENDED_MAX)
        return
    yield JobQuery(ended=True, ids=tuple(sorted(asked.ids)), limit=len(asked.ids))
    for id in sorted(asked.ids):
        yield JobQuery(ended=True, since=since, array_job_id=id, limit=ENDED_MAX)


def _words(text: str | None) -> frozenset[str]:
    return frozenset(word for word in (text or "").split(",") if word)


def _ids(text: str | None) -> frozenset[int]:
    words = _words(text)
    if len(words) > IDS_MAX:
        raise Invalid(f"{len(words)} ids are asked for; ask for at most {IDS_MAX}")
    for word in words:
        if not is_digits(word) or len(word) > 18:
            raise Invalid(f"ids has {shown(word)}, which is no job id; write for example ids=12,14")
    return frozenset(int(word) for word in words)

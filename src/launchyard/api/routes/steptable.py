"""`GET /v1/tables/steps`: steps that run, as the controller has them, and ended ones from the store."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.lookup import parse_ref
from launchyard.api.query import Query
from launchyard.api.rows import as_now
from launchyard.api.tables.column import chosen, rows_of
from launchyard.api.tables.parts import jobs_of_parts, step_by_parts
from launchyard.api.tables.steps import COLUMNS, LIVE, Row
from launchyard.controller.controller import JobRef
from launchyard.model.errors import Invalid
from launchyard.model.job import Job
from launchyard.model.number import shown
from launchyard.model.sight import Sight
from launchyard.model.step import Step, StepState
from launchyard.policy.rights import reads, sight
from launchyard.store.protocol import JobQuery, StepQuery
from launchyard.wire.decode import did_you_mean

REFS_MAX = 10_000
ROWS_MAX = 100_000
TASKS_MAX = 100_000

router = APIRouter()


@dataclass(frozen=True, slots=True)
class _Asked:
    """None and empty mean any. `sight` is whose steps the caller may see."""

    refs: list[JobRef] | None
    since: float | None
    users: frozenset[str]
    states: frozenset[StepState]
    sight: Sight

    def wants(self, step: Step, job: Job) -> bool:
        return (
            self.sight.covers(job)
            and (not self.users or job.user in self.users or str(job.uid) in self.users)
            and (not self.states or step.state in self.states)
            and (self.since is None or step.ended_at is None or step.ended_at >= self.since)
        )


@router.get("/v1/tables/steps", openapi_extra=describe.STEP_TABLE)
async def steps(request: Request) -> Response:
    """Steps by job and number. What belongs to others is left out unless the caller may see it."""
    context, caller = context_of(request), caller_of(request)
    given = Query(request, ("columns", "job", "jobs", "since", "state", "user"))
    names = given.text("columns")
    columns = chosen(names, COLUMNS)
    asked = _Asked(
        _refs(given.text("job") or given.text("jobs")),
        given.time("since"),
        _words(given.text("user")),
        frozenset(_state(word) for word in _words(given.text("state"))),
        sight(caller, visible_to_all=context.services.jobs_visible_to_all),
    )
    known = await context.services.live_usage() if LIVE & set((names or "").split(",")) else {}
    named = None if asked.refs is None else {ref.job_id for ref in asked.refs}
    rows = [
        Row(step, job, reads(caller, job), _figures(step, known))
        for whole, owner in await _found(context, asked)
        for step, job in step_by_parts(whole, owner)
        if asked.wants(step, job) and (named is None or job.part_of is None or job.id in named)
    ]
    return await context.read(lambda: answer({"rows": rows_of(rows, columns)}))


def _figures(step: Step, known: Mapping[str, Mapping[str, float]]) -> list[Mapping[str, float]]:
    """Of its runners that run, by what they are known by."""
    return [] if step.ended else [known[one] for one in step.open_runners if one in known]


async def _found(context: Context, asked: _Asked) -> list[tuple[Step, Job]]:
    """The steps that may be meant, each with its job, by job, attempt and number."""
    known: dict[int, Job] = {}
    ids: tuple[int, ...] = ()
    if asked.refs is not None:
        known = await _named(context, asked.refs)
        ids = tuple(known)
        if not ids:
            return []
    # Looked at first: what ends meanwhile is in the store, and its row there is the later one.
    live = {step.key: step for step in context.services.controller.steps.live()}
    found = {key: step for key, step in live.items() if asked.refs is None or key[0] in known}
    if asked.states != {StepState.RUNNING}:
        own = None if asked.sight.accounts else asked.sight.user
        query = StepQuery(job_ids=ids, since=asked.since, user=own, limit=ROWS_MAX)
        rows = await context.read(partial(context.services.store.steps, query))
        found |= {step.key: step for step in rows if step.ended or step.key not in found}
    missing = {key[0] for key in found} - known.keys()
    known |= await _jobs(context, missing)
    return [(found[key], known[key[0]]) for key in sorted(found) if key[0] in known]


async def _jobs(context: Context, ids: set[int]) -> dict[int, Job]:
    """Jobs by id, as they are now."""
    controller, store = context.services.controller, context.services.store
    live = {one: job for one in ids if (job := controller.live_job(one)) is not None}
    ended = tuple(ids - live.keys())
    if not ended:
        return live
    rows = await context.read(partial(store.jobs, JobQuery(ids=ended, limit=len(ended))))
    return live | {job.id: job for job in rows}


async def _named(context: Context, refs: list[JobRef]) -> dict[int, Job]:
    """The jobs of these ids, the tasks of those that are arrays, and tasks by array and index."""
    controller, store = context.services.controller, context.services.store
    ids = {ref.job_id for ref in refs if ref.index is None}
    found = await _jobs(context, ids)
    found |= {job.id: job for job in await jobs_of_parts(context, ids - found.keys())}
    for record in [job for job in found.values() if job.array is not None]:
        query = JobQuery(array_job_id=record.id, limit=TASKS_MAX)
        found |= {job.id: job for job in await context.read(partial(store.jobs, query))}
    for ref in refs:
        if ref.index is not None:
            task = controller.live_task(ref.job_id, ref.index)
            task = task or await context.read(partial(store.job_of_task, ref.job_id, ref.index))
            if task is not None:
                found[task.id] = task
    return {job.id: job for job in await as_now(context, list(found.values()))}


def _words(text: str | None) -> frozenset[str]:
    return frozenset(filter(None, (text or "").split(",")))


def _refs(text: str | None) -> list[JobRef] | None:
    if text is None:
        return None
    words = text.split(",")
    if len(words) > REFS_MAX:
        raise Invalid(f"{len(words)} jobs are asked for; ask for at most {REFS_MAX} at once")
    return [parse_ref(word) for word in words]


def _state(word: str) -> StepState:
    try:
        return StepState(word.upper())
    except ValueError:
        hint = did_you_mean(word.upper(), [state.value for state in StepState])
        raise Invalid(f"there is no step state {shown(word)}{hint}") from None

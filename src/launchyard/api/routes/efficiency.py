"""What jobs used of what they asked for: one, an array with its tasks, or all that ended since a time."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.history import advice_json
from launchyard.api.listing import of_sight, page_of
from launchyard.api.lookup import Found, find, parse_ref
from launchyard.api.query import Query
from launchyard.model.errors import Invalid
from launchyard.model.job import Job
from launchyard.model.state import ENDED
from launchyard.policy.efficiency import PARTS, Efficiency, Part, efficiency_of, spread, total
from launchyard.policy.rights import sight
from launchyard.store.protocol import JobQuery
from launchyard.wire.job import job_json

PAGE = 1000
JOBS_MAX = 10_000
"""So many jobs, or tasks of an array, are looked at, the newest."""
_TOLD_OF_JOB = ("id", "name", "user", "state", "array", "resources", "time_limit_s")

router = APIRouter()


@router.get("/v1/jobs/{job}/efficiency", openapi_extra=describe.EFFICIENCY)
async def of_job(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    found = await find(context, caller, parse_ref(request.path_params["job"]), seen_by_all=True)
    job, tasks, now = found.job, None, context.services.clock()
    known = efficiency_of(job, now)
    if job.array is not None and found.index is None:
        query = JobQuery(array_job_id=job.id, states=ENDED, limit=PAGE)
        known, tasks = await _of_tasks(context, query, now)
    advice = await context.history.advice(job, context.services.controller.room)
    return answer({**_job_json(found, known), "tasks": tasks, "advice": advice_json(advice)})


@router.get("/v1/efficiency", openapi_extra=describe.EFFICIENCIES)
async def of_jobs(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    given = Query(request, ("since", "user", "name"))
    since = given.time("since")
    if since is None:
        raise Invalid("since is missing; say since when, for example since=2026-12-01T00:00:00Z")
    asked = JobQuery(
        user=given.text("user"), name=given.text("name"), states=ENDED, since=since, ended=True, limit=PAGE
    )
    query = of_sight(asked, sight(caller, visible_to_all=context.services.jobs_visible_to_all))
    jobs, complete = ([], True) if query is None else await _pages(context, query, _ran)
    now = context.services.clock()

    def render() -> Response:
        known = [efficiency_of(job, now) for job in jobs]
        listed = [_job_json(Found(job), one) for job, one in zip(jobs, known, strict=True)]
        sums = {"jobs": len(jobs), **_parts_json(total(known))}
        return answer({"jobs": listed, "total": sums, "complete": complete})

    return await context.read(render)


def _ran(job: Job) -> bool:
    """Whether it ran itself; of an array only its tasks do."""
    return job.array is None and job.started_at is not None


async def _of_tasks(context: Context, query: JobQuery, now: float) -> tuple[Efficiency, dict[str, Any]]:
    """All ended tasks together, and how they differ."""
    jobs, complete = await _pages(context, query, _ran)
    pairs = [(job.task.index, efficiency_of(job, now)) for job in jobs if job.task is not None]
    told: dict[str, Any] = {"count": len(pairs), "complete": complete}
    for name, part_of in PARTS.items():
        percents = [(index, part_of(one).percent) for index, one in pairs]
        found = spread([(index, percent) for index, percent in percents if percent is not None])
        told[name] = (
            None
            if found is None
            else {
                "median": _rounded(found.median),
                "lowest": _rounded(found.lowest),
                "lowest_task": found.lowest_task,
                "highest": _rounded(found.highest),
                "highest_task": found.highest_task,
            }
        )
    return total([one for _, one in pairs]), told


async def _pages(
    context: Context, query: JobQuery, wanted: Callable[[Job], bool]
) -> tuple[Sequence[Job], bool]:
    """The newest ended jobs that are wanted, and whether these are all."""
    found: list[Job] = []
    before_id: int | None = None
    for _ in range(JOBS_MAX // PAGE):
        page = await page_of(context, replace(query, before_id=before_id))
        found += filter(wanted, page.jobs)
        if page.before_id is None:
            return found, True
        before_id = page.before_id
    return found, False


def _job_json(found: Found, known: Efficiency) -> dict[str, Any]:
    told = job_json(found.job, index=found.index)
    return {**{name: told[name] for name in _TOLD_OF_JOB}, **_parts_json(known)}


def _parts_json(known: Efficiency) -> dict[str, Any]:
    parts = {name: _part_json(part_of(known)) for name, part_of in PARTS.items()}
    return {"elapsed_s": _rounded(known.elapsed_s), **parts}


def _part_json(part: Part) -> dict[str, float | None]:
    return {"used": _rounded(part.used), "asked": _rounded(part.asked), "percent": _rounded(part.percent)}


def _rounded(figure: float | None) -> float | None:
    """A figure to the third digit after the point: what was measured is no better."""
    return None if figure is None else round(figure, 3)

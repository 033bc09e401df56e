"""`GET /v1/tables/list`: very many jobs for a page that shows them all, newest first, by column.

Ten thousand jobs are some hundred kilobytes: what comes often is told once, and an array stands for its
tasks. Why a job waits is the reason of the first that waits for the same; `GET /v1/jobs/{id}/why` has its
own.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import pages
from launchyard.api.answers import answer
from launchyard.api.context import caller_of, context_of
from launchyard.api.listing import Page, of_sight, page_of, page_of_ids, parse_ids
from launchyard.api.ofcluster import partitions_of
from launchyard.api.query import Query
from launchyard.model.hostlist import compress
from launchyard.model.job import Job
from launchyard.model.reason import Reason
from launchyard.policy.rights import sight
from launchyard.store.protocol import JobQuery
from launchyard.wire.job import cpus_json

ROWS_MAX = 20_000
ROWS_DEFAULT = 1_000
FEW = 64
"""A column with at most so many values, and few for its length, is told as positions in them."""
PARAMETERS = (
    *("state", "user", "name", "partition", "cluster", "group", "array", "ids", "since", "limit", "cursor"),
)

Read = Callable[[Job], Any]

# Ten thousand jobs have a quarter of a million values here: what is an attribute is read as one.
COLUMNS: dict[str, Read] = {
    "id": attrgetter("id"),
    "name": attrgetter("name"),
    "user": attrgetter("user"),
    "kind": attrgetter("kind"),
    "state": attrgetter("state"),
    "partition": attrgetter("partition"),
    "cluster": attrgetter("cluster"),
    "group": attrgetter("group"),
    "submitted_at": lambda job: _tenths(job.submitted_at),
    "started_at": lambda job: _tenths(job.started_at),
    "ended_at": lambda job: _tenths(job.ended_at),
    "limit_s": attrgetter("limit_s"),
    "cpus": lambda job: cpus_json(job.request.cpus_milli),
    "memory_mib": attrgetter("request.memory_mib"),
    "gpus": lambda job: cpus_json(job.request.gpus * job.request.gpu_milli),
    "nodes": lambda job: _nodes(job),
    "held": attrgetter("held"),
    "cause": attrgetter("cause"),
    "exit_code": attrgetter("exit_code"),
    "signal": attrgetter("signal"),
    "peak_mib": attrgetter("usage.memory_peak_mib"),
    "array": lambda job: _array(job),
    "task": lambda job: None if job.task is None else [job.task.job_id, job.task.index],
}

router = APIRouter()


@router.get("/v1/tables/list", openapi_extra=pages.LIST)
async def joblist(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    given = Query(request, PARAMETERS)
    array = given.whole("array", 1, 10**15 - 1)
    asked = JobQuery(
        states=given.states("state"),
        user=given.text("user"),
        name=given.text("name"),
        partition=given.text("partition"),
        partitions=partitions_of(context.services, given.text("cluster")),
        group=given.text("group"),
        array_job_id=array,
        without_tasks=array is None,
        since=given.time("since"),
        before_id=given.whole("cursor", 1, 10**15 - 1),
        limit=given.whole("limit", 1, ROWS_MAX) or ROWS_DEFAULT,
    )
    query = of_sight(asked, sight(caller, visible_to_all=context.services.jobs_visible_to_all))
    ids = given.text("ids")
    if query is None:
        page = Page([], None)
    else:
        page = await (page_of(context, query) if ids is None else page_of_ids(context, query, parse_ids(ids)))
    now = context.services.clock()
    reasons = context.services.controller.reason_codes([job for job in page.jobs if not job.ended])
    return await context.read(lambda: answer(_json(page, reasons, now)))


def _json(page: Page, reasons: Mapping[int, Reason], now: float) -> dict[str, Any]:
    columns = {name: _short(list(map(read, page.jobs))) for name, read in COLUMNS.items()}
    whys = [None if job.ended else reasons.get(job.id) for job in page.jobs]
    columns["reason_code"] = _short([None if why is None else why.code for why in whys])
    columns["reason"] = _short([None if why is None else why.sentence for why in whys])
    following = None if page.before_id is None else str(page.before_id)
    return {"count": len(page.jobs), "now": now, "next": following, "columns": columns}


def _short(values: list[Any]) -> Any:
    """The column, or its values and where they come."""
    if len(values) < 8:
        return values
    try:
        places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    except TypeError:
        # Lists, of arrays and of tasks.
        return values
    if len(places) > max(FEW, len(values) // 8):
        return values
    return {"of": list(places), "at": [places[value] for value in values]}


def _tenths(at: float | None) -> float | None:
    """As exact as a page shows it."""
    return None if at is None else round(at, 1)


def _nodes(job: Job) -> str | None:
    names: Sequence[str] = () if job.attempt is None else job.attempt.allocation.nodes
    return None if not names else names[0] if len(names) == 1 else compress(list(names))


def _array(job: Job) -> list[Any] | None:
    """How many tasks, how many of them wait, and how many are in each state."""
    array = job.array
    if array is None:
        return None
    counts = {state.value: count for state, count in array.counts.items()}
    return [array.size, len(array.waiting), counts]

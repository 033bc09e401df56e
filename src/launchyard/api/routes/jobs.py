"""Submitting, listing and showing jobs. The hot routes: bytes in, bytes out, nothing in between but ours."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer, problem, problem_json, raw
from launchyard.api.audit import note_jobs
from launchyard.api.body import parse_json, read_body, refuse_other_formats
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.diagnosis import diagnosis_of, end_json
from launchyard.api.history import advice_json
from launchyard.api.listing import of_sight, page_of, page_of_ids, parse_ids
from launchyard.api.lookup import find, parse_ref
from launchyard.api.ofcluster import partitions_of
from launchyard.api.query import Query
from launchyard.api.rows import as_now
from launchyard.api.waiting import suggestion_json, wait_json
from launchyard.controller.controller import JobRef
from launchyard.model.errors import Conflict, Invalid, LaunchyardError, NotFound
from launchyard.model.job import Job
from launchyard.model.number import shown
from launchyard.model.reason import Reason
from launchyard.model.submission import Caller, Submission
from launchyard.policy.rights import reads, sight
from launchyard.store.protocol import JobQuery
from launchyard.wire.convert import to_submission
from launchyard.wire.decode import decode
from launchyard.wire.job import job_json
from launchyard.wire.submit import SubmitJob

ITEMS_MAX = 1000
PAGE_MAX = 10_000
PAGE_DEFAULT = 100
THREAD_FROM = 200
"""Longer lists are made in a thread, so that they keep nobody waiting."""

router = APIRouter()

Result = dict[str, Any] | LaunchyardError


@router.post("/v1/jobs", openapi_extra=describe.SUBMIT)
async def submit(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    body = await read_body(request)
    refuse_other_formats(request)
    data = parse_json(body)
    if isinstance(data, list):
        if not 1 <= len(data) <= ITEMS_MAX:
            raise Invalid(f"the list has {len(data)} jobs; send 1 to {ITEMS_MAX} at once")
        results = await _submit(context, caller, data, idempotency_of(request, body))
        parts = [{"error": problem_json(one)} if isinstance(one, LaunchyardError) else one for one in results]
        note_jobs(request.scope, [part["id"] for part in parts if part.get("id")])
        return answer(parts, 201 if all("id" in part for part in parts) else 207)
    (result,) = await _submit(context, caller, [data], idempotency_of(request, body), advised=True)
    if isinstance(result, LaunchyardError):
        return problem(result)
    note_jobs(request.scope, [result["id"]])
    return answer(result, 201 if result["id"] is not None else 200)


async def submit_one(
    context: Context, caller: Caller, item: object, idempotency: tuple[str, str] | None
) -> Result:
    """A job that was put together for the caller, checked as if the caller had sent it."""
    (result,) = await _submit(context, caller, [item], idempotency, advised=True)
    return result


async def _submit(
    context: Context,
    caller: Caller,
    items: Sequence[object],
    idempotency: tuple[str, str] | None,
    advised: bool = False,
) -> list[Result]:
    """One result an item: what is wrong with one keeps no other from being submitted.

    `advised`: each says what earlier runs of the same job advise.
    """
    results: list[Result | None] = [None] * len(items)
    wanted: list[int] = []
    submissions: list[Submission] = []
    for position, item in enumerate(items):
        try:
            body = decode(SubmitJob, item)
            submission = to_submission(body)
            if body.dry_run:
                if body.login:
                    # A form asks while somebody types; what it submits then waits for no shell.
                    context.ask_ahead(caller.uid)
                results[position] = await _dry_run(context, caller, submission, advised)
                continue
            if body.login:
                login = await context.services.login(caller.uid)
                submission = replace(submission, environment={**login, **(body.environment or {})} or None)
        except LaunchyardError as error:
            results[position] = error
            continue
        wanted.append(position)
        submissions.append(submission)
    if submissions:
        made = await context.services.controller.submit(caller, submissions, idempotency=idempotency)
        made = _in_place(context, caller, submissions, made)
        for position, result in zip(wanted, made, strict=True):
            if isinstance(result, LaunchyardError):
                results[position] = result
                continue
            if not advised:
                results[position] = shown_job(context, caller, result)
                continue
            # It is durable by now. What follows takes a moment at most, in which it may even have ended.
            courtesy = await context.history.courtesy(result, context.services.controller.room)
            (now,) = await as_now(context, [result])
            results[position] = {**shown_job(context, caller, now), "advice": advice_json(courtesy)}
    return [result for result in results if result is not None]


def _in_place(
    context: Context, caller: Caller, submissions: Sequence[Submission], made: list[Job | LaunchyardError]
) -> list[Job | LaunchyardError]:
    """A repeated request is answered with the jobs that it made; put each beside the item it came from.

    What was refused then would be refused again. Where that does not tell, nothing is guessed.
    """
    if len(made) == len(submissions):
        return made
    left = iter(made)
    placed: list[Job | LaunchyardError | None] = []
    for submission in submissions:
        try:
            context.services.controller.admitted(caller, submission)
            placed.append(next(left, None))
        except LaunchyardError as refusal:
            placed.append(refusal)
    if None in placed or next(left, None) is not None:
        ids = ", ".join(str(job.id) for job in made if isinstance(job, Job)) or "no job"
        raise Conflict(
            f"this request made {ids} when it first came, and not all that it asks for; "
            f"send what is missing with a new Idempotency-Key"
        )
    return [one for one in placed if one is not None]


async def _dry_run(context: Context, caller: Caller, submission: Submission, advised: bool) -> dict[str, Any]:
    hid = context.services.controller.hides
    job, outlook = await context.services.controller.check(caller, submission)
    await context.services.controller.shown(hid=hid)
    told = {**job_json(job, outlook.reason), "id": None}
    told["sooner"] = [suggestion_json(job, one) for one in outlook.sooner]
    if advised:
        told["advice"] = advice_json(await context.history.advice(job, context.services.controller.room))
    return told


def idempotency_of(request: Request, body: bytes) -> tuple[str, str] | None:
    """The request's Idempotency-Key with the digest of its body. Raises `Invalid`."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Invalid(f"Idempotency-Key {shown(key)} must be 1 to 255 printable ASCII characters")
    return key, hashlib.sha256(body).hexdigest()


def shown_job(context: Context, caller: Caller, job: Job, index: int | None = None) -> dict[str, Any]:
    """The job's JSON with its reason, and without what only its owner may see."""
    services = context.services
    reason = services.controller.reason(job.id)
    return _as_json(context, caller, job, reason, index)


def _as_json(
    context: Context, caller: Caller, job: Job, reason: Reason | None, index: int | None = None
) -> dict[str, Any]:
    stale = context.services.controller.clusters.stale_since(job)
    if reads(caller, job):
        log_path = context.services.logs.path(job)
        return job_json(job, reason, log_path=log_path, index=index, stale_since=stale)
    private: dict[str, Any] = {
        "command": None,
        "script": None,
        "runtime_env": None,
        "working_dir": None,
        "log_path": None,
        "metadata": {},
    }
    return {**job_json(job, reason, index=index, stale_since=stale), **private}


NARROWED = ("state", "user", "name", "partition", "cluster", "group", "array", "ids", "since", "engine_id")
LIST_QUERY = (*NARROWED, "limit", "cursor")


@router.get("/v1/jobs", openapi_extra=describe.LIST)
async def list_jobs(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    given = Query(request, LIST_QUERY)
    asked = JobQuery(
        states=given.states("state"),
        user=given.text("user"),
        name=given.text("name"),
        partition=given.text("partition"),
        partitions=partitions_of(context.services, given.text("cluster")),
        group=given.text("group"),
        engine_id=given.text("engine_id"),
        array_job_id=given.whole("array", 1, 10**15 - 1),
        since=given.time("since"),
        before_id=given.whole("cursor", 1, 10**15 - 1),
        limit=given.whole("limit", 1, PAGE_MAX) or PAGE_DEFAULT,
    )
    query = of_sight(asked, sight(caller, visible_to_all=context.services.jobs_visible_to_all))
    if query is None:
        return answer({"jobs": [], "next": None})
    ids = given.text("ids")
    page = await (page_of(context, query) if ids is None else page_of_ids(context, query, parse_ids(ids)))
    controller = context.services.controller
    reasons = [controller.reason(job.id) if not job.ended else None for job in page.jobs]

    def render() -> Response:
        jobs = [_as_json(context, caller, job, why) for job, why in zip(page.jobs, reasons, strict=True)]
        return answer({"jobs": jobs, "next": None if page.before_id is None else str(page.before_id)})

    return render() if len(page.jobs) < THREAD_FROM else await context.read(render)


@router.get("/v1/jobs/{job}", openapi_extra=describe.SHOW)
async def show(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    found = await find(context, caller, _ref(request), seen_by_all=True)
    return answer(shown_job(context, caller, found.job, found.index))


@router.get("/v1/jobs/{job}/why", openapi_extra=describe.WHY)
async def why(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    found = await find(context, caller, _ref(request))
    job = found.job
    if job.ended:
        told = await diagnosis_of(context, job)
        return answer(end_json(job, told.found, told.log_unread))
    return answer(wait_json(job, await context.services.controller.outlook(caller, job)))


@router.get("/v1/jobs/{job}/script", openapi_extra=describe.SCRIPT)
async def script(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    ref = _ref(request)
    digest = (await find(context, caller, ref)).job.script
    if digest is None:
        raise NotFound(f"job {ref} runs a command, not a script; GET /v1/jobs/{ref} has it")
    texts = await context.read(lambda: context.services.store.texts([digest]))
    if digest not in texts:
        raise NotFound(f"the script of job {ref} is not kept any more")
    return raw(texts[digest], "text/plain; charset=utf-8", headers={"content-disposition": "attachment"})


@router.get("/v1/jobs/{job}/runtime-env", openapi_extra=describe.RUNTIME_ENV)
async def runtime_env(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    ref = _ref(request)
    digest = (await find(context, caller, ref)).job.runtime_env
    if digest is None:
        raise NotFound(f"job {ref} has no runtime environment")
    texts = await context.read(lambda: context.services.store.texts([digest]))
    if digest not in texts:
        raise NotFound(f"the runtime environment of job {ref} is not kept any more")
    return raw(texts[digest], "application/json")


def _ref(request: Request) -> JobRef:
    return parse_ref(request.path_params["job"])

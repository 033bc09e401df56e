"""Steps of running jobs: start one (srun does), signal it, end it."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.body import read_as
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.lookup import find, parse_ref
from launchyard.api.query import Query
from launchyard.api.routes.acts import nothing_more
from launchyard.controller.steps import Steps
from launchyard.model.errors import Conflict, Invalid
from launchyard.model.job import Job
from launchyard.model.number import is_digits, shown
from launchyard.model.signals import parse_signal
from launchyard.model.step import Step, StepShare
from launchyard.wire.steps import (
    Freed,
    SignalStep,
    StartedStep,
    StartStep,
    StepNode,
    TaskOf,
    to_step_request,
)

router = APIRouter()
FREED_MAX_S = 10


@router.post("/v1/jobs/{job}/steps", openapi_extra=describe.START_STEP)
async def start(request: Request) -> Response:
    """Start a step in a running job."""
    context = context_of(request)
    Query(request, ())
    ask = to_step_request(await read_as(StartStep, request))
    job = await _job(context, request)
    steps = context.services.controller.steps
    return answer(_started(await steps.start(job.id, ask), job, steps), 201)


@router.get("/v1/jobs/{job}/steps/freed", openapi_extra=describe.FREED_STEP)
async def freed(request: Request) -> Response:
    """Wait until a step of the job ends."""
    context = context_of(request)
    within_s = Query(request, ("within_s",)).whole("within_s", 0, FREED_MAX_S)
    job = await _job(context, request)
    steps = context.services.controller.steps
    return answer(Freed(freed=await steps.freed(job.id, FREED_MAX_S if within_s is None else within_s)))


@router.post("/v1/jobs/{job}/steps/{step}/signal", openapi_extra=describe.SIGNAL_STEP)
async def signal(request: Request) -> Response:
    """Send a signal to the tasks of a step."""
    context = context_of(request)
    number = parse_signal((await read_as(SignalStep, request)).signal)
    job = await _job(context, request)
    steps = context.services.controller.steps
    return answer(_started(await steps.signal(job.id, _number(request), number), job, steps))


@router.post("/v1/jobs/{job}/steps/{step}/cancel", openapi_extra=describe.CANCEL_STEP)
async def cancel(request: Request) -> Response:
    """End a step; its job goes on."""
    context = context_of(request)
    await nothing_more(request)
    job = await _job(context, request)
    steps = context.services.controller.steps
    step = await steps.cancel(job.id, _number(request), caller_of(request).user)
    return answer(_started(step, job, steps))


async def _job(context: Context, request: Request) -> Job:
    ref = parse_ref(request.path_params["job"])
    found = await find(context, caller_of(request), ref)
    if found.index is not None:
        raise Conflict(f"task {ref} has not been started", code="job-not-running")
    return found.job


def _number(request: Request) -> int:
    text: str = request.path_params["step"]
    if not is_digits(text) or len(text) > 9:
        raise Invalid(f"{shown(text)} is not the number of a step; they count from 0")
    return int(text)


def _started(step: Step, job: Job, steps: Steps) -> StartedStep:
    task = job.task
    return StartedStep(
        step=step.number,
        job_id=step.job_id,
        task_of_array=None if task is None else TaskOf(job_id=task.job_id, index=task.index),
        nodes=[_node(share, steps) for share in step.shares],
    )


def _node(share: StepShare, steps: Steps) -> StepNode:
    return StepNode(
        node=share.node,
        position=share.position,
        tasks=list(share.tasks),
        cpus=-(-share.cpus_milli // 1000),
        cpu_ids=steps.cpu_ids(share),
        gpu_ids=list(share.gpu_ids),
        memory_mib=share.memory_mib,
        part=share.part,
    )

"""Finding the job that a submission id names: the caller's own. Another user's is not there."""

from launchyard.api.context import Context
from launchyard.model.errors import Invalid, NotFound
from launchyard.model.job import Job
from launchyard.model.raycluster import is_driver
from launchyard.model.submission import Caller


async def find_submission(context: Context, caller: Caller, name: str) -> Job:
    """The job as it is now. Raises `NotFound` in Ray's words."""
    controller, store = context.services.controller, context.services.store
    kept = await context.read(lambda: store.job_of_submission(caller.user, name))
    if kept is None or kept.forgotten:
        raise NotFound(f"Job {_shown(name)} does not exist; `ray job list` has yours")
    live = controller.live_job(kept.id)
    if live is not None or kept.ended:
        return live or kept
    # It ended between the two looks.
    return await context.read(lambda: store.job(kept.id)) or kept


def only_submitted(job: Job, act: str) -> Job:
    """The same job. Raises `Invalid` in Ray's words for a driver, which can be looked at only."""
    if is_driver(job):
        raise Invalid(f"Can only {act} submission type jobs; `ly ray connect {job.id}` uses this cluster")
    return job


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:140])

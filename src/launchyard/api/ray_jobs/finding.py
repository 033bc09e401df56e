"""Finding the job that a submission id names: the caller's own. Another user's is not there."""

from launchyard.api.context import Context
from launchyard.model.errors import NotFound
from launchyard.model.job import Job
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


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:140])

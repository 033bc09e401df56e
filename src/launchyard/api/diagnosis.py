"""Why a job ended as it did: what is needed of its log is read as its user, then `policy.diagnose` decides.

A log that does not answer keeps nobody waiting: the answer is then made without it and says so.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from launchyard.api.context import Context
from launchyard.api.waiting import wait_json
from launchyard.controller.outlook import Outlook
from launchyard.model.errors import LaunchyardError
from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.policy.case import key_of
from launchyard.policy.catalogue import address_of_end
from launchyard.policy.diagnose import diagnose
from launchyard.policy.ending import Diagnosis
from launchyard.store.protocol import JobQuery

END_BYTES = 64 * 1024
"""How much of the beginning and of the end of each log is read."""
PATIENCE_S = 5.0
_TOLD_BY_LOG = frozenset({JobState.FAILED, JobState.OUT_OF_MEMORY})
_DID_NOT_COMPLETE = frozenset({JobState.FAILED, JobState.OUT_OF_MEMORY, JobState.TIMEOUT, JobState.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A diagnosis; `log_unread` is why it was made without the log, one sentence."""

    found: Diagnosis
    log_unread: str | None = None


async def diagnosis_of(context: Context, job: Job) -> Told:
    """Why the ended `job` ended so."""
    log, unread = await _log(context, job)
    task = await _failed_task(context, job)
    room = context.services.controller.room(job)
    # Off the loop: a log may be long, and every line of it is looked at.
    found = await context.read(lambda: diagnose(job, log, room=room, task=task))
    return Told(found=found, log_unread=unread)


async def _log(context: Context, job: Job) -> tuple[str, str | None]:
    """The text of its log (both of them, errors last), or why there is none."""
    ran = job.exit_code is not None or job.signal is not None
    if job.array is not None or job.state not in _TOLD_BY_LOG or not ran:
        return "", None
    streams = ["stdout"] if job.stderr in (None, job.stdout) else ["stdout", "stderr"]
    texts: list[str] = []
    unread: str | None = None
    for stream in streams:
        try:
            data = await asyncio.wait_for(_ends(context, job, stream), PATIENCE_S)
            texts.append(data.decode(errors="replace"))
        except LaunchyardError as error:
            unread = str(error)
        except TimeoutError:
            unread = f"the log did not answer within {PATIENCE_S:g} s"
    return "\n".join(texts), unread


async def _ends(context: Context, job: Job, stream: str) -> bytes:
    """The whole log, or its beginning and its end."""
    logs = context.services.logs
    last = await logs.read(job, stream, -END_BYTES, END_BYTES)
    if last.offset <= 0:
        return last.data
    first = await logs.read(job, stream, 0, min(END_BYTES, last.offset))
    return first.data + b"\n" + last.data


async def _failed_task(context: Context, record: Job) -> str | None:
    """One task of an array that did not complete, as people name it."""
    if record.array is None:
        return None
    live = context.services.controller.live_jobs()
    # Those whose end is on its way to the store are not in there yet.
    tasks = [one for one in live if one.task is not None and one.task.job_id == record.id]
    tasks = [one for one in tasks if one.state in _DID_NOT_COMPLETE]
    if not tasks:
        query = JobQuery(array_job_id=record.id, states=_DID_NOT_COMPLETE, limit=1)
        tasks = await context.read(lambda: context.services.store.jobs(query))
    return key_of(tasks[0]) if tasks else None


def end_json(job: Job, found: Diagnosis, log_unread: str | None) -> dict[str, Any]:
    """`wire.shapes.Why` of an ended job."""
    return {
        **wait_json(job, Outlook(reason=None)),
        "code": found.code,
        "type": address_of_end(found.code),
        "reason": found.sentence,
        "line": found.line,
        "command": found.command,
        "log_unread": log_unread,
    }

"""The last lines of the logs of failed jobs, which their messages tell: read once, then remembered."""

from collections import OrderedDict

from launchyard.api.ray_jobs.messages import TAIL_CHARS, tail_of
from launchyard.api.services import Logs
from launchyard.model.errors import LaunchyardError
from launchyard.model.job import Job

REMEMBERED_MAX = 512
READ_BYTES = 4 * TAIL_CHARS
"""A character takes four bytes at most."""


class Tails:
    """By job and attempt: a failed one prints nothing more. Used on the loop only."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, int], str] = OrderedDict()

    def known(self, job: Job) -> str | None:
        return self._known.get((job.id, job.attempts))

    async def of(self, job: Job, logs: Logs) -> str:
        """Empty where nothing was printed, or the log cannot be read any more."""
        found = self.known(job)
        if found is None:
            try:
                part = await logs.read(job, "stdout", -READ_BYTES, READ_BYTES)
            except LaunchyardError:
                return ""
            found = tail_of(part.data.decode("utf-8", "replace"))
            self._known[job.id, job.attempts] = found
            while len(self._known) > REMEMBERED_MAX:
                self._known.popitem(last=False)
        return found

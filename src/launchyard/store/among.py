"""Jobs that may be shown to somebody, where the database does not know by itself which they are.

An account is in a job's record, not in a column of its own: only coordinators are shown jobs by it, and what
they look at is mostly live, or of one user.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from launchyard.model.job import Job
from launchyard.model.sight import EVERYBODYS
from launchyard.store.protocol import JobQuery

READ_AT_ONCE = 1_000


def among(jobs: Callable[[JobQuery], list[Job]], query: JobQuery) -> list[Job]:
    """Those of the query that its sight covers; `jobs` is asked part by part, newest first."""
    found: list[Job] = []
    for part in _parts(jobs, replace(query, sight=EVERYBODYS, limit=max(query.limit, READ_AT_ONCE))):
        found += [job for job in part if query.sight.covers(job)]
        if len(found) >= query.limit:
            return found[: max(0, query.limit)]
    return found


def _parts(jobs: Callable[[JobQuery], list[Job]], query: JobQuery) -> Iterator[list[Job]]:
    while True:
        part = jobs(query)
        yield part
        if len(part) < query.limit:
            return
        query = replace(query, before_id=part[-1].id)

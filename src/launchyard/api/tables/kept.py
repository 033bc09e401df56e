"""Values of jobs by column, kept: a job never changes, another one takes its place."""

from collections.abc import Sequence
from typing import Any

from launchyard.api.tables.jobs import COLUMNS, Row
from launchyard.model.job import Job

TABLES_MAX = 8
"""Of so many sets of columns values are kept."""
SPARE = 5_000
"""So many jobs more than twice the most that were ever asked for at once are kept."""

Kept = dict[int, tuple[Job, list[Any]]]


class JobTables:
    """Values by columns and by whether private ones are shown. Used by reading threads."""

    def __init__(self) -> None:
        self._tables: dict[tuple[tuple[str, ...], bool], Kept] = {}
        self._most = 0

    def values(self, jobs: Sequence[Job], names: tuple[str, ...], mine: Sequence[bool]) -> list[list[Any]]:
        """A list of values for each job, of columns that are the job's own."""
        columns = [COLUMNS[name] for name in names]
        self._most = max(self._most, len(jobs))
        tables = {flag: self._table(names, flag) for flag in set(mine)}
        rows = []
        for job, own in zip(jobs, mine, strict=True):
            kept = tables[own].get(job.id)
            if kept is None or kept[0] is not job:
                row = Row(job, None, own)
                kept = tables[own][job.id] = (job, [column(row) for column in columns])
            rows.append(kept[1])
        return rows

    def _table(self, names: tuple[str, ...], mine: bool) -> Kept:
        table = self._tables.pop((names, mine), {})
        if len(table) > 2 * self._most + SPARE:
            # Most of it is of jobs that ended long ago.
            table = {}
        self._tables[names, mine] = table
        while len(self._tables) > TABLES_MAX:
            self._tables.pop(next(iter(self._tables)), None)
        return table

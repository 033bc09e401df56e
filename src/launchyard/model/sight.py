"""Whose jobs are shown to somebody, as a store can ask for it."""

from dataclasses import dataclass

from launchyard.model.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The jobs of `user` (None: everybody's), and those charged to one of `accounts`."""

    user: str | None
    accounts: frozenset[str] = frozenset()

    def covers(self, job: Job) -> bool:
        return self.user is None or job.user == self.user or job.account in self.accounts


EVERYBODYS = Sight(user=None)

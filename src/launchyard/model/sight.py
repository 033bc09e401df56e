"""Whose jobs are shown to somebody, as a store can ask for it."""

from dataclasses import dataclass

from launchyard.model.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The jobs of `user` (None: everybody's), and those charged to one of `accounts`."""

    user: str | None
    accounts: frozenset[str] = frozenset()

    def covers(self, job: Job) -> bool:
        return self.has(job.user, job.account)

    def has(self, user: str, account: str | None) -> bool:
        """A job of this user that is charged to this account."""
        return self.user is None or user == self.user or account in self.accounts


EVERYBODYS = Sight(user=None)

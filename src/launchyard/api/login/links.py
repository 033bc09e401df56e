"""One-time codes: each is told to one person, is good once and soon, and is held in memory only."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace

from launchyard.api.tokens import digest
from launchyard.model.errors import Unauthenticated

CODES_MAX = 10_000
REMEMBERED_S = 3_600.0
"""So long a code that is used or too old is told apart from one that never was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a code stands for: a caller, who made it (a token's or login's id), and what it opens."""

    uid: int
    user: str
    parent: str | None
    next: str
    session_id: int | None = None
    expires_at: float = 0.0
    used: bool = False


class WrongCode(Unauthenticated):
    """A code that logs nobody in; `code` says which of the three it is."""


class Codes:
    """Codes by digest, oldest first."""

    def __init__(self, what: str, again: str) -> None:
        self._what, self._again = what, again
        self._grants: OrderedDict[str, Grant] = OrderedDict()

    def make(self, grant: Grant, now: float, good_s: float) -> str:
        """A new code."""
        self._tidy(now)
        code = secrets.token_urlsafe(32)
        self._grants[digest(code)] = replace(grant, expires_at=now + good_s)
        return code

    def use(self, code: str, now: float) -> Grant:
        """What it stands for, this once. Raises `WrongCode`."""
        key = digest(code)
        grant = self._grants.get(key)
        if grant is None:
            raise WrongCode(f"this {self._what} is not known here; {self._again}", code="link-unknown")
        if grant.used:
            raise WrongCode(f"this {self._what} was used already; {self._again}", code="link-used")
        self._grants[key] = replace(grant, used=True)
        if now >= grant.expires_at:
            raise WrongCode(f"this {self._what} has expired; {self._again}", code="link-expired")
        return grant

    def _tidy(self, now: float) -> None:
        while self._grants:
            key, oldest = next(iter(self._grants.items()))
            if len(self._grants) < CODES_MAX and now < oldest.expires_at + REMEMBERED_S:
                return
            del self._grants[key]

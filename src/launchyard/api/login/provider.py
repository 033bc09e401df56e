"""Ways to log in. Each proves who somebody is from what the login page sent; the rest is the same for all.

Passwords are checked by another process (`password`), OpenID Connect asks another server (`oidc`): both by
await. A wrong name and a wrong password are answered with the same sentence.
"""

from typing import Protocol

from launchyard.api.login.links import Codes, Grant
from launchyard.wire.login import LogIn


class Provider(Protocol):
    """One way to log in."""

    @property
    def guessable(self) -> bool:
        """Whether trying often could succeed: then who failed too often is refused before it is asked."""

    def subject(self, form: LogIn) -> str:
        """For whom the try is, as failures are counted; empty: by address alone."""

    async def prove(self, form: LogIn, now: float, address: str) -> Grant:
        """Who it is. Raises `Unauthenticated` with a sentence that tells nothing of who exists."""


class ByLink:
    """A one-time link that somebody who is known already asked for: `ly up`, `ly open`."""

    guessable = False

    def __init__(self, codes: Codes) -> None:
        self._codes = codes

    def subject(self, form: LogIn) -> str:
        return ""

    async def prove(self, form: LogIn, now: float, address: str) -> Grant:
        return self._codes.use(form.code, now)

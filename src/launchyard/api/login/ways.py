"""What ways to log in need of the rest of the daemon, handed in by the composition root."""

from dataclasses import dataclass

from launchyard.engine.passwords import Passwords
from launchyard.model.loginways import LoginSettings, OidcSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """None: there is no such way."""

    passwords: Passwords | None = None
    oidc: OidcSettings | None = None


def open_ways(settings: LoginSettings) -> Ways:
    """Made ready while we still have the rights that checking passwords needs."""
    passwords = Passwords(settings.pam) if settings.pam is not None else None
    return Ways(passwords=passwords, oidc=settings.oidc)

"""What an ID token must say to be for us, and whom it means here. Pure."""

import hmac
from collections.abc import Mapping
from typing import Any

from launchyard.model.errors import Unauthenticated
from launchyard.model.loginways import OidcSettings
from launchyard.model.number import shown

LEEWAY_S = 60.0


def check(claims: Mapping[str, Any], settings: OidcSettings, nonce: str, now: float) -> None:
    """Raises `Unauthenticated` (OpenID Connect Core 1.0, 3.1.3.7)."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != settings.issuer:
        raise _refused("it is of another issuer")
    if settings.client_id not in audiences:
        raise _refused("it is for somebody else")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != settings.client_id:
        raise _refused("it was given to somebody else")
    if now >= _time(claims, "exp") + LEEWAY_S:
        raise _refused("it has expired")
    if _time(claims, "iat") > now + LEEWAY_S:
        raise _refused("it is of the future; the clocks differ")
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise _refused("it does not belong to this login")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise _refused("it names nobody")


def user_of(claims: Mapping[str, Any], settings: OidcSettings) -> str:
    """The user that the claim names. Raises `Unauthenticated`."""
    said = claims.get(settings.claim)
    if not isinstance(said, str) or not said:
        raise _nobody(f"{settings.title} does not say who you are here: there is no claim {settings.claim}")
    if said in settings.users:
        return settings.users[said]
    if settings.claim == "email" and claims.get("email_verified") is not True:
        raise _nobody(f"{settings.title} has not verified the address {shown(said)}")
    if settings.domain is None:
        return said
    local, _, domain = said.rpartition("@")
    if not local or domain.lower() != settings.domain.lower():
        raise _nobody(f"{shown(said)} is nobody here: people of {settings.domain} are")
    return local


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(f"{name} is no time")
    return float(value)


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(f"the ID token is refused: {why}; log in again", code="oidc")


def _nobody(sentence: str) -> Unauthenticated:
    return Unauthenticated(f"{sentence}; ask the administrators", code="oidc-user")

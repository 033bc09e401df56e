"""Ways to log in to the portal beside links, as the site configures them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """An OpenID Connect provider, and whom its people are here.

    `claim` of the ID token names the user; one of `users` is mapped so, and of `someone@domain` the part
    before the sign counts where `domain` is set.
    """

    issuer: str
    client_id: str
    client_secret_file: str | None = None
    title: str = "OpenID Connect"
    claim: str = "preferred_username"
    domain: str | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = ("openid", "profile", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSettings:
    """`pam`: the PAM service by which passwords are checked; None: nobody logs in by one."""

    pam: str | None = None
    oidc: OidcSettings | None = None

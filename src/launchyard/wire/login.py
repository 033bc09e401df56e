"""What is said when a browser logs in, and of the credentials that a user has."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """The body of `POST /login`: what the way of logging in asks for; of a link, its code.

    `provider`: `link`, or `password` with `user` and `password`.
    """

    code: str = ""
    provider: str = "link"
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginWays:
    """What the login page offers. `oidc` is what its button says; null: there is none."""

    password: bool
    oidc: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLoginLink:
    """The body of `POST /v1/login-links`: where in the portal the browser goes, such as `/jobs/17`."""

    next: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginLink:
    """A link that logs one browser in, once."""

    url: str
    expires_in_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """The body of `POST /v1/sessions/{id}/open`: where in the session the browser goes; its start without."""

    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """Where a browser is led to the session, in a frame or a tab: once, and within `expires_in_s`."""

    url: str
    expires_in_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """Where the browser goes now; the login itself is in its cookie."""

    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The caller's own login, where a browser asks."""

    id: str
    name: str
    created_at: str
    expires_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who asks, and what its pages need to know of the server.

    `rights` are those of `policy.rights`: what the role and the credential both give. `csrf` is sent as
    `X-Launchyard-CSRF` with each write that the cookie vouches for. `session_host` is where a session is
    shown, with `{id}` for its id; null: below `/session/ID/` of this address. Who asks for `/v1/events` with
    `last_event` as `after` misses nothing of what happened since this answer.
    """

    user: str
    uid: int
    admin: bool
    role: Literal["user", "coordinator", "operator", "administrator"]
    coordinates: list[str]
    rights: list[str]
    mode: Literal["one-user", "machine"]
    cluster: str
    version: str
    hosts: list[str]
    session_host: str | None
    last_event: str
    csrf: str | None
    login: Login | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A credential without its secret: a token that somebody made, or the login of a browser.

    `used_at` is right to a minute after the server was killed.
    """

    id: str
    name: str
    user: str
    kind: Literal["token", "browser"]
    scope: Literal["all", "submit", "read"]
    account: str | None
    created_at: str
    used_at: str | None
    expires_at: str | None
    revoked_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeToken(Token):
    """A token as it is told once, with its secret."""

    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenList:
    """The caller's tokens and logins."""

    tokens: list[Token]

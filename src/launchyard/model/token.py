"""A credential of a remote caller: 256 random bits, of which only the hash is kept."""

from dataclasses import dataclass

from launchyard.model.role import Scope

TOKEN, BROWSER = "token", "browser"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`digest` is the hex SHA-256 of the secret; `id` is public and names the token when revoking it.

    `kind`: a `token` that a program presents, or the login of a `browser`, whose cookie has the secret. A
    login has an end, gets another secret now and then, and ends with the token it was made by (`parent`).
    `scope` and `account` say how far it reaches; `used_at` is right to a minute.
    """

    id: str
    user: str
    uid: int
    name: str
    digest: str
    created_at: float
    revoked_at: float | None = None
    kind: str = TOKEN
    expires_at: float | None = None
    renewed_at: float | None = None
    parent: str | None = None
    scope: Scope = Scope.ALL
    account: str | None = None
    used_at: float | None = None

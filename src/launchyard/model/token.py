"""A credential of a remote caller: 256 random bits, of which only the hash is kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`digest` is the hex SHA-256 of the secret; `id` is public and names the token when revoking it."""

    id: str
    user: str
    uid: int
    name: str
    digest: str
    created_at: float
    revoked_at: float | None = None

"""What a site says of the Ray Jobs API."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RayApiSettings:
    """`version` is the version of Ray that clients are told. The API is also at `prefix`, before `/api`.

    `anonymous_user` set: a request without a credential, from a program of the server's own user on this
    machine, is that user's. `anonymous_uid` is who that is, found when the server starts.
    """

    version: str = "2.60.0"
    prefix: str = "/ray"
    anonymous_user: str | None = None
    anonymous_uid: int | None = None

"""The small bodies of the other requests, beside `submit.SubmitJob` and `submit.UpdateJob`."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalJob:
    """The body of `POST /v1/jobs/{id}/signal`: a name or a number, and which processes get it.

    `batch` is the job's main process alone, `steps` those of its steps alone.
    """

    signal: str | int
    target: Literal["all", "batch", "steps"] = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkNode:
    """The body of `POST /v1/nodes/{name}`: under `drain` what runs may end, `down` ends it."""

    state: Literal["drain", "down", "up"]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutRules:
    """The body of `PUT /v1/admin/policy`: TOML. `name` is what a sentence about its lines calls it."""

    text: str
    name: str = "the rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRules:
    """The body of `POST /v1/admin/policy`: one thing changed or removed.

    `kind` is account, user, qos, partition, role or scheduler. Values are text as in the file, without
    quotes; an empty one takes the key away. `limits.gpus` is a key in a table of the thing, and so is
    `gpus` alone.
    """

    kind: str
    name: str = ""
    values: dict[str, str] = field(default_factory=dict)
    remove: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeReservation:
    """The body of `POST /v1/reservations`: `nodes` (`n[1-4]`, a list), or `count` of them.

    From `start` (RFC 3339; now) to `end`, or for `duration_s`; for jobs of `users` and `accounts`, or for
    none under `maintenance`.
    """

    name: str
    start: str | None = None
    end: str | None = None
    duration_s: int | None = None
    nodes: str | list[str] | None = None
    count: int | None = None
    users: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    maintenance: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """The body of `POST /v1/tokens`: what the token is for, in its owner's words, and how far it reaches.

    `scope`: `read` looks alone, `submit` also submits jobs and acts on them, `all` is as good as its user.
    `account`: what it submits is charged to that account, and it acts on jobs of no other. It is good until
    `expires_at` (RFC 3339), or for `lasts_s`; without either until it is revoked.
    """

    name: str = ""
    scope: Literal["all", "submit", "read"] = "all"
    account: str | None = None
    expires_at: str | None = None
    lasts_s: int | None = None

"""What one tick of the controller makes durable: a frozen value handed to the writer thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from launchyard.model.account import Spent
from launchyard.model.crontab import Crontab
from launchyard.model.event import StateChanged
from launchyard.model.job import Job
from launchyard.model.node import NodeState
from launchyard.model.reservation import Reservation
from launchyard.model.step import Step
from launchyard.model.token import Token
from launchyard.model.trigger import Triggers


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeMark:
    """What an operator (`by`), or nobody but the server, said of a node; kept over restarts."""

    cluster: str
    name: str
    state: NodeState
    reason: str
    by: str = ""
    at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """A client's key and the jobs that its request made: the same request again answers the same."""

    user: str
    key: str
    job_ids: tuple[int, ...]
    body_digest: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Everything that one decision changes, committed as a whole or not at all.

    `jobs` are whole rows (the last one a job wins), `texts` are scripts and environments by digest,
    `next_job_id` is the counter after this change (ids below it are never handed out again).
    `spent` is what users have used so far and `steps` are steps as they are now, in whole rows too.
    `rules` are the rules now in force as text, empty for those of the configuration file. `reservations`
    are all there are now; None: as before. `crontabs` are those that changed, `triggers` all
    there are now; None: as before. `forgotten` are ended jobs that go for good, with their steps;
    `forgotten_texts` and `forgotten_keys` (user and key) go too, unless a change beside this one brings them.
    """

    seq: int
    jobs: tuple[Job, ...] = ()
    events: tuple[StateChanged, ...] = ()
    texts: Mapping[str, bytes] = field(default_factory=dict)
    next_job_id: int | None = None
    idempotency: tuple[Idempotency, ...] = ()
    tokens: tuple[Token, ...] = ()
    nodes: tuple[NodeMark, ...] = ()
    spent: tuple[Spent, ...] = ()
    steps: tuple[Step, ...] = ()
    rules: str | None = None
    reservations: tuple[Reservation, ...] | None = None
    crontabs: tuple[Crontab, ...] = ()
    triggers: Triggers | None = None
    forgotten: tuple[int, ...] = ()
    forgotten_texts: tuple[str, ...] = ()
    forgotten_keys: tuple[tuple[str, str], ...] = ()

"""The one place where state changes: holds all live jobs, decides, makes durable, then tells."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from launchyard.model.errors import LaunchyardError
from launchyard.model.event import StateChanged
from launchyard.model.job import Job
from launchyard.model.node import Node, NodeState
from launchyard.model.reason import Reason
from launchyard.model.submission import Caller, Submission, Update
from launchyard.model.token import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRef:
    """A job by id, or one task of an array that may not have split off yet (`12_3`)."""

    job_id: int
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUse:
    """A node and what of it is allocated now."""

    node: Node
    cpus_milli: int
    memory_mib: int
    gpus: int
    jobs: int


class Controller:
    """Called on the event loop only. What is awaited returns after the commit."""

    async def submit(
        self, caller: Caller, submissions: Sequence[Submission], *, idempotency: tuple[str, str] | None = None
    ) -> list[Job | LaunchyardError]:
        """One result an item. `idempotency` is (key, digest of the body)."""
        raise NotImplementedError

    def check(self, caller: Caller, submission: Submission) -> tuple[Job, Reason | None]:
        """What `submit` would make of it (a dry run); raises as `submit` would answer."""
        raise NotImplementedError

    async def cancel(self, caller: Caller, ref: JobRef) -> Job: ...  # type: ignore[empty-body]
    async def hold(self, caller: Caller, ref: JobRef) -> Job: ...  # type: ignore[empty-body]
    async def release(self, caller: Caller, ref: JobRef) -> Job: ...  # type: ignore[empty-body]
    async def requeue(self, caller: Caller, ref: JobRef) -> Job: ...  # type: ignore[empty-body]
    async def signal(self, caller: Caller, ref: JobRef, signal: int) -> Job: ...  # type: ignore[empty-body]
    async def update(self, caller: Caller, ref: JobRef, update: Update) -> Job: ...  # type: ignore[empty-body]

    def live_job(self, job_id: int) -> Job | None:
        """A job that has not ended, as it is now."""

    def live_jobs(self) -> Iterable[Job]:
        """All jobs that have not ended, by id."""
        return ()

    def reason(self, job_id: int) -> Reason | None:
        """Why the latest plan left this job waiting."""

    def node_uses(self) -> list[NodeUse]:
        return []

    async def mark_node(self, name: str, state: NodeState, reason: str) -> NodeUse: ...  # type: ignore[empty-body]

    async def keep_token(self, token: Token) -> None:
        """Make a new or revoked token durable."""

    def watch(self, tell: Callable[[Sequence[StateChanged]], None]) -> Callable[[], None]:
        """`tell` is called on the loop after each commit; the answer ends it."""
        raise NotImplementedError

    @property
    def degraded(self) -> str | None:
        """Why nothing can be acknowledged now (one sentence), or None."""
        return None

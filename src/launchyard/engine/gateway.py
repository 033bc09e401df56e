"""The ways into the nodes of a cluster: what acts there as a user, and what gets us to what listens there."""

from asyncio import Future
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from launchyard.model.session import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Outpost:
    """What of ours is on a node elsewhere.

    `state` is the directory of its launcher, `package` where our code is imported from there, `python` what
    runs it. `uid`: as who all jobs run there; 0: each as who submitted it.
    """

    state: str
    package: str
    python: str
    uid: int = 0


class Channels(Protocol):
    """Who gives connections to processes that act as a user."""

    def user_channel(
        self, uid: int, memory_mib: int | None = None, node: str | None = None
    ) -> Awaitable[int]:
        """A connected socket (file descriptor, ours to close) to a helper that runs as `uid` on `node`; None:
        on the daemon's own machine.

        It and what it starts may have `memory_mib`, and end together, where the engine can see to that.
        """


@runtime_checkable
class Gateway(Channels, Protocol):
    """The way into the nodes of a cluster, as the user whose job runs there.

    Whatever listens in a job listens for its user alone; the gateway is how we get there, over the engine's
    own connection to its nodes. A cluster whose engine has none shares its files with the daemon's machine.
    """

    furnishes: bool
    """What a job needs is set up on its node; else on the daemon's machine, whose files the nodes see."""

    def at(self, node: str, launch_id: str, *, inside: bool) -> str | None:
        """What `user_channel` and `reach` are to be told as the node, to come to where that launch is or was.

        `inside`: to its processes; else to its files. None: that is the daemon's own machine.
        """

    def spool(self, node: str, uid: int) -> str:
        """The directory on that node in which the logs of this user's jobs are."""

    def outpost(self, node: str) -> Outpost | None:
        """None: nothing is known of the node yet. `node` empty: the engine has not chosen it yet."""

    def reach(self, node: str, uid: int, target: Target) -> Awaitable[int]:
        """A connected stream socket (file descriptor, ours to close) to what listens at `target` on that
        node, connected there by a process of `uid`. Raises `Unreachable` of `engine.reaching`."""

    def step(
        self, launch_id: str, uid: int, argv: Sequence[str], env: dict[str, str], cwd: str, terminal: str
    ) -> Awaitable[Future[dict[str, Any]]]:
        """Start a command in a running launch, on a terminal that its user's helper there has opened; the
        future is its end (`exit_code`, `signal` or `error`)."""

    def signal(
        self, launch_id: str, signal: int, *, main_only: bool = False, steps_only: bool = False
    ) -> None:
        """As that of the engine, which it is too."""

    def usage(self, launch_ids: Sequence[str] | None = None) -> Awaitable[Mapping[str, Mapping[str, float]]]:
        """What running launches use now (`cpu_s`, `memory_mib`, ...), by launch id: all, or only these."""

"""One node of the cluster, as the engine sees it: whether it serves, and what it was ordered to do.

A connection to it that breaks is nobody's business but ours: when its launcher is there again, what it never
heard is said again. Only when Ray gives the node up, or its agent stays away, has it failed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from launchyard.engine.protocol import Launch
from launchyard.engine.ray.link import NodeLink
from launchyard.model.node import Node, NodeState


class Phase(Enum):
    """`COMING`: not seen to serve yet. `FENCED`: what ran there before it was given up is being killed."""

    COMING = "coming"
    FENCED = "fenced"
    UP = "up"
    GONE = "gone"


@dataclass(slots=True, kw_only=True)
class Member:
    """`away_since` is set while it should answer and does not; loop time."""

    node: Node
    phase: Phase = Phase.COMING
    address: str = ""
    alive: bool = False
    """So Ray says."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Of its agent: `directory`, `uid`, `cpus`."""
    why: str = ""
    link: NodeLink | None = None
    away_since: float | None = None
    known: set[str] = field(default_factory=set)
    """Launches of which its launcher has a record, as far as they have not ended."""
    ordered: dict[str, Launch] = field(default_factory=dict)
    """Orders of which nothing was heard yet."""
    ending: set[str] = field(default_factory=set)
    """Those of `known` of which only the main process has ended."""
    stops: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Ends that were ordered and have not come: signal and grace."""

    @property
    def settled(self) -> bool:
        return self.phase in (Phase.UP, Phase.GONE)

    @property
    def held(self) -> set[str]:
        return self.known | self.ordered.keys()

    def forget(self) -> None:
        """Nothing of it is waited for any more."""
        self.known.clear()
        self.ending.clear()
        self.ordered.clear()
        self.stops.clear()

    def ended(self, launch_id: str) -> None:
        self.known.discard(launch_id)
        self.ending.discard(launch_id)
        self.ordered.pop(launch_id, None)
        self.stops.pop(launch_id, None)


OF_RAY = "ray.io/"
"""How the labels begin that Ray gives nodes itself."""


def node_of(told: Mapping[str, Any], cluster: str, agent: Mapping[str, Any]) -> Node:
    """What Ray says of a node. Its CPUs can be pinned where Ray counts those that the machine has; a label
    that somebody gave it, `zone=a`, is a feature, and so is the name of one without a value."""
    cpus = len(agent.get("cpus", ()))
    labels = told.get("labels", {})
    return Node(
        name=told["name"],
        cpus=told["cpus"],
        memory_mib=told["memory_mib"],
        gpus=told["gpus"],
        gpu_type=told["gpu_type"],
        cluster=cluster,
        features=tuple(
            f"{name}={labels[name]}" if labels[name] else name
            for name in sorted(labels)
            if not name.startswith(OF_RAY)
        ),
        pinned=cpus == told["cpus"] > 0,
    )


def as_down(node: Node, why: str) -> Node:
    return replace(node, state=NodeState.DOWN, reason=why)

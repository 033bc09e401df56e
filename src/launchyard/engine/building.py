"""What an engine is built from: its table of the configuration and where it lives.

Each engine's package has `engine.py` with `build(around) -> Engine`; only the composition root calls it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launchyard.engine.gateway import Channels
from launchyard.engine.protocol import Engine
from launchyard.model.cluster import ClusterSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """`directory` is the engine's own, of the daemon's user alone; it is there and outlives the daemon.

    `host` gives processes that act as a user on the daemon's machine. `drop_in` is the directory of our own
    Slurm commands: an engine that uses Slurm's never looks there. `spool` is where logs are, by uid.
    """

    cluster: ClusterSettings
    directory: Path
    host: Channels
    serves_all: bool
    """Started by root: jobs are of many users."""
    drop_in: str
    spool: str
    clock: Callable[[], float]
    allow_root_jobs: bool = False
    hooks: Mapping[str, Any] = field(default_factory=dict)
    """The site's programs around jobs, as a launcher reads them."""
    patience_s: float = 30.0
    """How long a cluster that does not answer yet holds up a start; then it is away until it does."""


Build = Callable[[Surroundings], Engine]

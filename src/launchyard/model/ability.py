"""What an engine does itself, what it leaves to us, and what it cannot do: declared, never guessed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Placing(StrEnum):
    """Who decides when and where a job starts: our policy, or the engine that it is handed to."""

    OURS = "launchyard"
    ENGINE = "engine"


class Lack(StrEnum):
    """What an engine may not be able to do. These are all there are: a job that needs one is refused there.

    Whoever adds an engine cannot add a lack without adding it here, with what of a submission needs it in
    `policy.lacking`.
    """

    TERMINAL = "terminal"
    """A terminal that a client is attached to (`ly run`, `srun --pty`)."""
    STEPS = "steps"
    """Steps inside a job (`srun` in a script)."""
    UNLIKE_PARTS = "unlike parts"
    """A job of parts that ask for different things (`sbatch` with `:`)."""
    PARTS_OF_CPUS = "parts of CPUs"
    """Half a CPU or half a GPU."""
    NODES = "several nodes"
    """One job on more than one node."""
    RAY = "ray"
    """A Ray cluster of its own in the job (`--ray`)."""
    SESSION = "session"
    """An interactive app that is reached through us."""
    RUNTIME_ENV = "runtime environment"
    """Files and packages that are set up before the job starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """`lacks`: what it cannot do, each with the sentence that a submission is refused with.

    `users`: each job runs as who submitted it; else all run as one. `suspends`, `limits`: it can let a job
    stand still, and move the time limit of a running one. `holds`: it keeps what we handed over from starting
    while it is told to; only asked of engines that place. `joins_ray`: programs of a job that use Ray join
    the cluster itself, so that none is started for `--ray`; one for others to use it may lack all the same.
    """

    places: Placing = Placing.OURS
    lacks: Mapping[Lack, str] = field(default_factory=dict)
    users: bool = True
    suspends: bool = True
    limits: bool = True
    holds: bool = True
    joins_ray: bool = False


EVERYTHING = Abilities()
"""Of an engine that leaves the placing to us and can do all there is."""

"""The shapes of what the drop-in commands read beside rows: tables by column, settings, weights."""

from typing import Any

from launchyard.wire.shape import shape


@shape
class Columns:
    """The same by column; `constants` are of columns that hold one value alone."""

    count: int
    constants: dict[str, Any]
    columns: dict[str, list[Any]]


@shape
class PriorityWeights:
    """What each part of a priority counts for; 0: nothing."""

    age: float
    fairshare: float
    job_size: float
    partition: float
    qos: float
    site: float
    nice: float
    cpus: float
    memory: float
    gpus: float


@shape
class SlurmFacts:
    """What Slurm's commands say of this site: the version they report, its name, how long ended jobs show.

    `clusters` are those under this server, the default one first.
    """

    version: str
    cluster: str
    clusters: list[str]
    min_job_age_s: int
    max_array_size: int

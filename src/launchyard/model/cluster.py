"""Clusters: nodes under one engine, and what is said of each in the configuration."""

from dataclasses import dataclass
from enum import StrEnum

LOCAL = "local"
"""The name of the only cluster where nobody names one: this machine."""


class EngineKind(StrEnum):
    """What runs the jobs of a cluster: our launcher on this machine, Ray, or Slurm."""

    LOCAL = "local"
    RAY = "ray"
    SLURM = "slurm"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """One table `[[clusters]]`; see docs/reference/configuration.md. What an engine does not know is empty.

    `address`: of Ray's head (`10.0.0.1:6379`); with `start` one of our own is started here on free ports.
    `python` is the interpreter that has Ray, `bin` the directory of Slurm's commands and `conf` its
    slurm.conf. `listen` is the one address at which nodes reach the daemon.
    `rest` is the address of its slurmrestd, `rest_token` the file with the token for that.
    `single_identity`: jobs run there as one user, whoever submitted them.
    """

    name: str = LOCAL
    engine: EngineKind = EngineKind.LOCAL
    default: bool = False
    address: str = ""
    start: bool = False
    python: str = ""
    bin: str = ""
    conf: str = ""
    rest: str = ""
    rest_token: str = ""
    listen: str = ""
    single_identity: bool = False
    poll_s: float = 1.0

"""What a site says of the drop-in commands. Read by the server, told to the commands at `GET /v1/slurm`."""

from dataclasses import dataclass

from launchyard.slurm.version import DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmSettings:
    """`version` is the one that all commands report; ended jobs are listed for `min_job_age_s`.

    `max_array_size` is one more than the largest index of an array.
    """

    version: str = DEFAULT
    cluster: str = "local"
    min_job_age_s: int = 300
    max_array_size: int = 100_001
    explicit_scancel: bool = False
    """Jobs of a crontab are cancelled by `scancel --cron` alone."""

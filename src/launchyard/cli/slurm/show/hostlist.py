"""`scontrol show hostnames n[1-3]` and `scontrol show hostlist n1,n2`: asks no server."""

import os

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.model.hostlist import compress, expand


def show(words: list[str], flags: Flags) -> int:
    """Without words: the nodes of this job."""
    text = ",".join(words) or os.environ.get("SLURM_JOB_NODELIST", "")
    if not text:
        raise Refused("error: host list is empty")
    names = expand(text)
    print("\n".join(names) if flags.word == "hostnames" else compress(names))
    return 0

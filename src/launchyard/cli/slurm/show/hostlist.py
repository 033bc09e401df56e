"""`scontrol show hostnames n[1-3]` and `scontrol show hostlist n1,n2`: asks no server."""

import os
import sys
from pathlib import Path

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.model.hostlist import expand
from launchyard.slurm.hostlists import by_number, folded_in_order


def show(words: list[str], flags: Flags) -> int:
    """Names without words: the nodes of this job. A word with a `/` is a file of names."""
    if not words and flags.word != "hostnames":
        print("invalid encode argument", file=sys.stderr)
        raise Refused
    text = ",".join(words) or os.environ.get("SLURM_JOB_NODELIST") or os.environ.get("SLURM_NODELIST", "")
    if "/" in text:
        text = _read(text)
    if not text:
        # The command ends with 0 all the same; scripts rely on it outside of jobs.
        print("scontrol: error: host list is empty", file=sys.stderr)
        return 0
    names = expand(text)
    if flags.word == "hostnames":
        print("\n".join(names))
    else:
        print(folded_in_order(by_number(names) if flags.word == "hostlistsorted" else names))
    return 0


def _read(path: str) -> str:
    try:
        return ",".join(Path(path).read_text().replace(",", " ").split())
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"error: cannot read {path}: {getattr(error, 'strerror', 'it is no text')}") from None

"""scontrol errnumstr: what a number of Slurm's errors means."""

import os
import sys

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.slurm.errnos import sentence_of


def run(words: list[str], flags: Flags) -> int:
    if not words:
        print("too few arguments for keyword:errnumstr", file=sys.stderr)
        raise Refused
    if not words[0].isdecimal() or len(words[0]) > 9:
        raise Refused(f"error: {words[0]} is not a number of an error")
    number = int(words[0])
    print(sentence_of(number) or os.strerror(number))
    return 0

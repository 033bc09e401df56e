"""The drop-in commands, each imported when it is called by its name.

What Slurm's own commands do with an error: wrong use is one sentence on stderr and exit code 255 of those
that submit, else 1, a refusal one sentence and exit code 1.
"""

import errno
import importlib
import os
import sys
from collections.abc import Sequence

from launchyard.cli.slurm.arguments import WrongUse
from launchyard.model.errors import LaunchyardError

WRONG_USE = {"sbatch": 255, "srun": 255, "salloc": 255}


class Refused(Exception):
    """What ends a command with exit code 1 (or another): each line is printed as it is, after `name: `."""

    def __init__(self, *lines: str, code: int = 1) -> None:
        super().__init__(*lines)
        self.lines = lines
        self.code = code


def main(name: str, arguments: Sequence[str] | None = None) -> int:
    """Run one command; the answer is its exit code."""
    # Closed ones are missing: what is written to them goes nowhere, and nothing else takes their place.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - until the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - until the end
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    try:
        code = _told(name, list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
        sys.stderr.flush()
        return code
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is left to say, not even at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        print(f"{name}: error: cannot write the output: {error.strerror}", file=sys.stderr)
        return 1


def leave(name: str) -> None:
    """Run one command and end at once: to take down all that it made would take a fifth of its time."""
    os._exit(main(name))


def _told(name: str, arguments: list[str]) -> int:
    """The command's exit code; what stopped it is told on stderr."""
    try:
        code: int = importlib.import_module(f"launchyard.cli.slurm.{name}").run(arguments)
        return code
    except WrongUse as error:
        print(error.line if error.whole else f"{name}: {error.line}", file=sys.stderr)
        if error.hint:
            print(f'Try "{name} --help" for more information', file=sys.stderr)
        return WRONG_USE.get(name, 1)
    except Refused as error:
        for line in error.lines:
            print(f"{name}: {line}", file=sys.stderr)
        return error.code
    except LaunchyardError as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130

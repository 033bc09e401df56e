"""sbcast: put a file where the nodes of a job find it, by a step of the job.

The nodes of one machine have one disk, so that it is written once.
"""

import os
import shlex
import sys
from pathlib import Path

from launchyard.cli.slurm.about import print_version
from launchyard.cli.slurm.arguments import options, parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.srun import run as srun

OPTIONS = options(
    value="exclude fanout jobid size timeout treewidth",
    nothing="force help preserve usage verbose version",
    maybe="compress send-libs",
    letters="C:compress F:fanout f:force j:jobid p:preserve s:size t:timeout v:verbose V:version",
)
USAGE = """Usage: sbcast [OPTIONS...] SOURCE DEST

Copies a file to the nodes of the running job.

  -f, --force       replace a file that is there      -p, --preserve   keep its times
  -j, --jobid=JOB   the job, when not run inside it
"""
NO_JOB = "error: Need a job id to run this command.  Run from within a Slurm job or use the --jobid option."
_WRITE = """
set -e
new="$1.$$.sbcast"
if [ -z "$2" ] && [ -e "$1" ]; then echo "sbcast: error: open($1): File exists" >&2; exit 1; fi
trap 'rm -f "$new"' EXIT
cat > "$new"
chmod "$3" "$new"
[ -z "$4" ] || touch -d "$4" "$new"
mv -f "$new" "$1"
"""


def run(arguments: list[str]) -> int:
    given = parse(arguments, OPTIONS)
    if given.count("help") or given.count("usage"):
        print(USAGE, end="")
        return 0
    if given.count("version"):
        return print_version()
    if len(given.rest) != 2:
        names = len(given.rest)
        hint = 'Try "sbcast --help" for more information'
        print(f"Need two file names, have {names} names\n{hint}", file=sys.stderr)
        return 1
    job = given.last("jobid") or os.environ.get("SLURM_JOB_ID")
    if not job:
        raise Refused(NO_JOB)
    source, target = given.rest
    facts = _taken_as_input(source)
    wanted = Path.cwd() / target
    if target.endswith("/") or wanted.is_dir():
        raise Refused(f"error: Can't open `{target}`: it is a directory; name the file")
    forced = given.count("force") or os.environ.get("SBCAST_FORCE") is not None
    kept = given.count("preserve") or os.environ.get("SBCAST_PRESERVE") is not None
    script = ["sh", "-c", _WRITE, "sbcast", str(wanted), "yes" if forced else ""]
    script += [f"{facts.st_mode & 0o777:o}", f"@{facts.st_mtime:f}" if kept else ""]
    step = [
        "--overlap",
        "--overcommit",
        "-N1",
        "-n1",
        "-Q",
        "-J",
        "sbcast",
        f"--jobid={job.partition('.')[0]}",
    ]
    if given.count("verbose"):
        print(f"sbcast: {shlex.quote(source)} goes to {shlex.quote(str(wanted))} of job {job}", flush=True)
    return srun([*step, *script])


def _taken_as_input(source: str) -> os.stat_result:
    """The step's standard input is the file."""
    try:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"error: Can't open `{source}`: {error.strerror}") from None
    os.dup2(fd, 0)
    return os.fstat(fd)

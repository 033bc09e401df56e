"""sdiag: what the server has done since it began."""

import sys
import time

from launchyard.cli.slurm import clustertable
from launchyard.cli.slurm.about import print_version, settings
from launchyard.cli.slurm.arguments import WrongUse, options, parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import Forbidden
from launchyard.slurm import statistics

OPTIONS = options(
    value="cluster",
    maybe="json yaml",
    nothing="all help reset sort-by-id sort-by-time sort-by-time2 usage version",
    letters="a:all h:help i:sort-by-id M:cluster r:reset t:sort-by-time T:sort-by-time2 V:version",
)
HELP = """Usage: sdiag [OPTIONS]
  -a, --all         all there is to tell (always so)
      --json        for programs
  -M, --cluster     of which cluster
  -r, --reset       count from now on (administrators)
  -i, -t, -T        in which order calls are listed; none are counted here
  -V, --version     the version"""


def run(arguments: list[str]) -> int:
    try:
        given = parse(arguments, OPTIONS)
    except WrongUse as error:
        # Unlike sbatch this command ends with 1.
        hint = ('Try "sdiag --help" for more information',) if error.hint else ()
        print(f"sdiag: {error.line}", *hint, sep="\n", file=sys.stderr)
        return 1
    if given.count("version"):
        return print_version()
    if given.count("help") or given.count("usage"):
        print(HELP)
        return 0
    if given.last("yaml") is not None:
        raise Refused("error: YAML is not written here; ask for --json")
    server = Server()
    if given.count("reset"):
        return _reset(server)
    found = server.get("/v1/counters")
    if given.last("json") is not None:
        clustertable.print_json(settings(server), {"statistics": statistics.as_json(found)})
        return 0
    sys.stdout.write(statistics.text(found, _date))
    return 0


def _date(at: float) -> str:
    return time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(at))


def _reset(server: Server) -> int:
    try:
        server.post("/v1/counters/reset")
    except Forbidden:
        raise Refused("error: slurm_reset_statistics: Access/permission denied") from None
    print("Reset scheduling statistics")
    return 0

"""squeue: the jobs that wait, run, and ended a short while ago."""

import gc
import importlib
import os
import sys
import time

from launchyard.cli.slurm import clusters, jobtable
from launchyard.cli.slurm.about import print_version, settings
from launchyard.cli.slurm.arguments import Given, options, parse
from launchyard.cli.slurm.clusters import Cluster
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.slurm import formats, jobfields, jobsort
from launchyard.slurm.formats import Layout

OPTIONS = options(
    value="account clusters format Format iterate jobs licenses name nodelist partition qos reservation sort "
    "states user",
    maybe="json yaml steps",
    nothing="all array array-unique federation help hide local long me noheader only-job-state priority "
    "sibling start usage verbose version noconvert",
    letters="A:account a:all r:array M:clusters o:format O:Format i:iterate j:jobs L:licenses l:long n:name "
    "w:nodelist h:noheader p:partition P:priority q:qos R:reservation S:sort t:states s:steps u:user U:me "
    "v:verbose V:version",
)
VARIABLES = {
    **{"SQUEUE_ACCOUNT": "account", "SQUEUE_ALL": "all", "SQUEUE_ARRAY": "array", "SQUEUE_NAMES": "name"},
    **{"SQUEUE_ARRAY_UNIQUE": "array-unique", "SQUEUE_LICENSES": "licenses", "SQUEUE_PARTITION": "partition"},
    **{"SQUEUE_PRIORITY": "priority", "SQUEUE_QOS": "qos", "SQUEUE_SORT": "sort", "SQUEUE_STATES": "states"},
    **{"SQUEUE_USERS": "user", "SLURM_CLUSTERS": "clusters"},
}
"""Variables that stand for an option that is not given."""

DEFAULT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
LONG = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"
START = "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R"
STATE_ONLY = "%.18i %.2t"

HELP = """Usage: squeue [OPTIONS]
  -A, --account=NAMES      jobs of these accounts
  -a, --all                jobs in every partition (always so here)
  -r, --array              one line for each task of an array
  -M, --clusters=NAMES     of which clusters
  -o, --format=FORMAT      columns by letter: "%.18i %.9P %j"
  -O, --Format=FORMAT      columns by name: "JobID:10,State:.12"
  -h, --noheader           no line of headings
  -i, --iterate=SECONDS    again and again
  -j, --jobs=IDS           these jobs: 12, 5_3, 5_[1-4]
      --json               everything, for programs
  -L, --licenses=NAMES     jobs with these licences
  -l, --long               more columns
      --me                 your own jobs
  -n, --name=NAMES         jobs of these names
  -w, --nodelist=NODES     jobs on these nodes
  -p, --partition=NAMES    jobs in these partitions
  -q, --qos=NAMES          jobs of these QOS
  -R, --reservation=NAME   jobs of this reservation
  -S, --sort=KEYS          by which letters, as in "P,t,-p"
      --start              when waiting jobs are expected to start
  -s, --steps[=IDS]        steps instead of jobs
  -t, --states=STATES      jobs in these states, or all
  -u, --user=USERS         jobs of these users
  -V, --version            the version"""
USAGE = "Usage: squeue [-A account] [-i seconds] [-j jobs] [-n name] [-o format] [-p partition] [-u user]"


def run(arguments: list[str]) -> int:
    given = _with_variables(parse(arguments, OPTIONS))
    if given.rest:
        raise Refused(f"error: Unrecognized option: {given.rest[0]}")
    if given.count("version"):
        return print_version()
    if given.count("help") or given.count("usage"):
        print(HELP if given.count("help") else USAGE)
        return 0
    if given.last("yaml") is not None:
        raise Refused("error: YAML is not written here; ask for --json")
    pause_s = _pause(given.last("iterate"))
    if not pause_s:
        # Many small values are made once and none thrown away: looking for garbage would take half the time.
        gc.disable()
    while True:
        if pause_s and not given.count("noheader"):
            _print_date()
        _show(given, repeated=bool(pause_s))
        if not pause_s:
            return 0
        print(flush=True)
        time.sleep(pause_s)


def _with_variables(given: Given) -> Given:
    """What the environment says goes before, so that the command line has the last word."""
    said = [
        (option, os.environ[variable])
        for variable, option in VARIABLES.items()
        if variable in os.environ and not given.count(option)
    ]
    return Given([*said, *given.options], given.rest)


def _pause(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0 and len(text) < 9):
        raise Refused(f"error: --iterate={text}")
    return int(text)


def _print_date() -> None:
    print(time.strftime("%a %b %d %H:%M:%S %Y"))


def _show(given: Given, repeated: bool) -> None:
    server = Server()
    words = clusters.words_of(given)
    for number, one in enumerate(clusters.named(words, settings(server)) if words else ()):
        clusters.print_title(one, given, first=not number)
        _show_one(given, server, repeated, one)
    if not words:
        _show_one(given, server, repeated, None)


def _show_one(given: Given, server: Server, repeated: bool, cluster: Cluster | None) -> None:
    """The jobs of a cluster, or of all together."""
    if given.last("json") is not None:
        importlib.import_module("launchyard.cli.slurm.jobdump").print_json(given, server, cluster)
        return
    if given.count("steps"):
        steptable = importlib.import_module("launchyard.cli.slurm.steptable")
        steptable.print_table(given, server, jobtable.users_of(given))
        return
    layout = _layout(given)
    head = [] if given.count("noheader") else [formats.header(layout, jobfields.HEADERS)]
    try:
        keys = jobsort.keys_of(given.last("sort") or ("S" if given.count("start") else "P,t,-p"))
    except jobsort.Unsortable as error:
        print(*head, sep="\n")
        raise Refused(f"error: Invalid sort specification: {error.args[0]}") from None
    needs = [*jobfields.needs(layout.names), *jobsort.needs(keys)]
    ahead = importlib.import_module("launchyard.cli.slurm.foretell") if given.count("start") else None
    facts = jobtable.facts_of(given, server, [*needs, *(ahead.NEEDS if ahead else ())], cluster)
    if ahead:
        ahead.foretell(facts, server)
    facts.only(jobsort.in_order(facts, keys))
    if given.count("long") and not given.count("noheader") and not repeated:
        _print_date()
    texts = {name: facts.texts(jobfields.FIELDS[name].make) for name in layout.names}
    lines = formats.lines(layout, texts, facts.count)
    sys.stdout.write("".join(f"{line}\n" for line in (*head, *lines)))


def _layout(given: Given) -> Layout:
    """The columns: as asked for, or as a variable says, or those of the command."""
    by_letter, by_name = given.last("format"), given.last("Format")
    if by_letter is None and by_name is None and not any(map(given.count, ("long", "start"))):
        by_letter, by_name = os.environ.get("SQUEUE_FORMAT"), os.environ.get("SQUEUE_FORMAT2")
    if by_name is not None:
        layout = formats.by_names(by_name, jobfields.NAMES)
    else:
        layout = formats.by_letters(by_letter or _default(given), jobfields.LETTERS)
    for unknown in layout.unknown:
        print(f"squeue: error: Invalid job format specification: {unknown}", file=sys.stderr)
    return layout


def _default(given: Given) -> str:
    if given.count("only-job-state"):
        return STATE_ONLY
    return START if given.count("start") else LONG if given.count("long") else DEFAULT

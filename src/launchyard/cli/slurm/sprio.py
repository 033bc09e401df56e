"""sprio: what the priorities of the waiting jobs are made of."""

import os
import sys

from launchyard.cli.slurm import clusters
from launchyard.cli.slurm.about import print_version, settings
from launchyard.cli.slurm.arguments import Given, options, parse
from launchyard.cli.slurm.jobtable import users_of
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.light import Any
from launchyard.slurm import formats, priofields
from launchyard.slurm.indexes import NotAnId, read_ids

OPTIONS = options(
    value="clusters format partition sort user",
    maybe="jobs",
    nothing="federation help local long noheader norm sibling usage verbose version weights",
    letters="M:clusters o:format j:jobs l:long h:noheader n:norm p:partition S:sort u:user v:verbose "
    "V:version w:weights",
)
NOT_COUNTED = frozenset({"held", "dependency", "begin", "retry"})
"""Reasons of jobs that do not compete for a place yet."""
COLUMNS = "id user partition priority factors reason_code state array_pending"
HELP = """Usage: sprio [OPTIONS]
  -o, --format=FORMAT      columns by letter
  -j, --jobs[=IDS]         these jobs
  -l, --long               every column
  -h, --noheader           no line of headings
  -n, --norm               factors of 0 to 1 instead of points
  -p, --partition=NAMES    jobs in these partitions
  -S, --sort=KEYS          by which letters
  -u, --user=USERS         jobs of these users
  -V, --version            the version
  -w, --weights            what each part counts for"""


def run(arguments: list[str]) -> int:
    given = parse(arguments, OPTIONS)
    if given.rest and given.count("jobs") and not given.last("jobs"):
        given.options.append(("jobs", given.rest.pop(0)))
    if given.rest:
        raise Refused(f"error: Unrecognized option: {given.rest[0]}")
    if given.count("version"):
        return print_version()
    if given.count("help") or given.count("usage"):
        print(HELP if given.count("help") else HELP.partition("\n")[0])
        return 0
    server = Server()
    words = clusters.words_of(given)
    for one in clusters.named(words, settings(server)) if words else ():
        clusters.print_title(one, given, first=True)
    weights: dict[str, Any] = server.get("/v1/slurm/weights")
    long, norm = bool(given.count("long")), bool(given.count("norm"))
    text = given.last("format") or os.environ.get("SPRIO_FORMAT")
    layout = formats.by_letters(
        text or priofields.format_of(weights, long=long, norm=norm, users=bool(given.count("user"))),
        priofields.LETTERS,
    )
    for unknown in layout.unknown:
        print(f"sprio: error: Invalid job format specification: {unknown}", file=sys.stderr)
    if given.count("weights"):
        texts, count = priofields.weight_texts(layout.names, weights), 1
    else:
        jobs = _jobs(given, server)
        if not jobs and given.last("jobs"):
            return 0
        texts, count = priofields.texts(jobs, layout.names, weights), len(jobs)
    if not given.count("noheader"):
        print(formats.header(layout, priofields.HEADERS))
    for line in formats.lines(layout, texts, count):
        print(line)
    return 0


def _jobs(given: Given, server: Server) -> list[priofields.Job]:
    """The waiting jobs that compete for a place, in the order asked for."""
    try:
        wanted = read_ids(given.last("jobs") or "")
    except NotAnId as error:
        raise Refused(f"error: Invalid job id: {error.args[0]}") from None
    users = users_of(given)
    rows = server.table(
        "jobs",
        COLUMNS,
        ids=",".join(str(one.id) for one in wanted) or None,
        users=",".join(users) or None,
        partitions=given.last("partition"),
    )
    jobs = [_job(row) for row in rows if _competes(row)]
    if not jobs and wanted:
        print("Unable to find jobs matching user/id(s) specified")
    for key in reversed((given.last("sort") or "i").split(",")):
        name = priofields.LETTERS.get(key.strip().lstrip("+-")[:1])
        if name is not None:
            at = name.removesuffix("_norm")
            jobs.sort(key=lambda job, at=at: job.get(at, 0), reverse=key.strip().startswith("-"))  # type: ignore[misc]
    return jobs


def _competes(row: list[Any]) -> bool:
    *_, reason, state, pending = row
    return state == "PENDING" and reason not in NOT_COUNTED and pending != ""


def _job(row: list[Any]) -> priofields.Job:
    id, user, partition, priority, factors, *_ = row
    parts = dict(zip(priofields.PARTS, factors, strict=True))
    known = {"id": id, "user": user, "partition_name": partition, "priority": priority, "cluster": "local"}
    return parts | known

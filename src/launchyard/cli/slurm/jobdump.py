"""Jobs as JSON, for `squeue --json` and `scontrol show job --json`."""

import os
import pwd
import sys
from itertools import islice

from launchyard.cli.slurm.about import settings
from launchyard.cli.slurm.arguments import Given
from launchyard.cli.slurm.clusters import Cluster
from launchyard.cli.slurm.jobtable import facts_of
from launchyard.cli.slurm.server import Server
from launchyard.slurm import jobjson, jsonframe
from launchyard.slurm.facts import Facts

WRITTEN_AT_ONCE = 200
NEEDS = jobjson.NEEDS


def print_json(given: Given, server: Server, cluster: Cluster | None = None) -> None:
    """Everything that is told of the jobs, as one object."""
    jobs = facts_of(given, server, jobjson.NEEDS, cluster)
    jobs.only(sorted(range(jobs.count), key=jobs["id"].__getitem__))
    write_json(jobs, server)


def write_json(jobs: Facts, server: Server) -> None:
    """The object with these jobs, some hundred at a time: all of them may be tens of megabytes."""
    site = settings(server)
    around = jobs.around
    if len(site.get("clusters", ())) < 2:
        around = jobs.around = around._replace(cluster=str(site["cluster"]))
    uid = os.geteuid()
    frame = jsonframe.meta(
        *(str(site["version"]), around.cluster or str(site["cluster"]), sys.argv),
        *(_user_name(uid), around.group(uid)[1]),
    )
    now = {"set": True, "infinite": False, "number": int(around.now)}
    end = jsonframe.ending(frame, {"last_backfill": now, "last_update": now})
    sys.stdout.flush()
    out, separator = sys.stdout.buffer, '{"jobs":['
    objects = iter(jobjson.jobs(jobs))
    while some := list(islice(objects, WRITTEN_AT_ONCE)):
        out.write((separator + ",".join(some)).encode())
        separator = ","
    out.write((("" if jobs.count else separator) + f"]{end}\n").encode())
    out.flush()


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

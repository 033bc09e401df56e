"""sbatch --test-only: when and where the job would start, on standard error; nothing is queued."""

import sys
import time

from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError
from launchyard.model.hostlist import compress
from launchyard.model.light import Any
from launchyard.model.when import parse_rfc3339
from launchyard.slurm.complaints import FAILED, refusal


def tell(server: Server, body: dict[str, Any]) -> int:
    partition = body.get("partition") or ""
    if "," in partition:
        body["partition"] = partition.partition(",")[0]
    try:
        job = server.post("/v1/jobs", {**body, "keep_beyond_limits": False, "dry_run": True})
    except LaunchyardError as error:
        *before, line = refusal(error.code, str(error), partition)
        for one in before if error.code == "no-partition" else ():
            print(f"sbatch: {one}", file=sys.stderr)
        print(f"allocation failure: {line.removeprefix(f'error: {FAILED}: ')}", file=sys.stderr)
        return 1
    estimate = job["estimate"]
    start = parse_rfc3339(estimate["start"]) if estimate else time.time()
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(start))
    asked = job["resources"]
    cpus = max(1, -int(-asked["cpus"] // 1))
    nodes = compress(_nodes(server, job["partition"], asked))
    print(
        f"sbatch: Job {_next_id(server)} to start at {at} using {cpus} processors on nodes {nodes} "
        f"in partition {job['partition']}",
        file=sys.stderr,
    )
    return 0


def _nodes(server: Server, partition: str, asked: dict[str, Any]) -> list[str]:
    """Nodes of the partition that could be meant: those named, else the first that are up."""
    count: int = asked["nodes"]
    if named := asked.get("nodelist"):
        return list(named)[:count]
    rows = server.table("nodes", "name partitions")
    out = asked.get("exclude", ())
    names = [name for name, partitions in rows if partition in partitions and name not in out]
    return names[:count] or ["(null)"]


def _next_id(server: Server) -> int:
    """One more than the last job's, which is what it would get now."""
    jobs = server.get("/v1/jobs", limit=1)["jobs"]
    return jobs[0]["id"] + 1 if jobs else 1

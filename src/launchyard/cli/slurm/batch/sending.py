"""`--clusters` of sbatch, srun and salloc: to which of them a job goes."""

from launchyard.cli.slurm import clusters
from launchyard.cli.slurm.about import settings
from launchyard.cli.slurm.clusters import Cluster
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError
from launchyard.model.light import Any
from launchyard.model.when import parse_rfc3339

LOOK = {"dry_run": True, "keep_beyond_limits": False}


def choose(server: Server, text: str, body: dict[str, Any]) -> str:
    """What the cluster is called that the job is sent to; the body says so from now on. Raises `Refused`."""
    found = clusters.reached(text, settings(server))
    best = found[0] if len(found) == 1 else _soonest(server, found, body)
    if best.name is not None:
        body["cluster"] = best.name
    return best.title


def _soonest(server: Server, found: list[Cluster], body: dict[str, Any]) -> Cluster:
    """Where it would start first, of those that take it; the first where none does, which says why."""
    starts: list[tuple[float, int]] = []
    for number, one in enumerate(found):
        try:
            job = server.post("/v1/jobs", {**body, **LOOK, "cluster": one.name})
        except LaunchyardError:
            continue
        estimate = job["estimate"]
        starts.append((parse_rfc3339(estimate["start"]) if estimate else 0.0, number))
    return found[min(starts)[1] if starts else 0]

"""sbatch --clusters: to which of them a job goes."""

from launchyard.cli.slurm import clusters
from launchyard.cli.slurm.about import settings
from launchyard.cli.slurm.clusters import Cluster
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError
from launchyard.model.light import Any
from launchyard.model.when import parse_rfc3339

LOOK = {"dry_run": True, "keep_beyond_limits": False}


def choose(server: Server, text: str, body: dict[str, Any]) -> str:
    """What the cluster is called that the job is sent to; the body says so from now on. Raises `Refused`."""
    site = settings(server)
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = clusters.known_by(site)
    found = clusters.named([word for word in words if word in known or word == clusters.ALL], site)
    if not found:
        hint = "Use 'sacctmgr list clusters' to see available clusters."
        raise Refused(
            f"error: '{text}' can't be reached now, or it is an invalid entry for --cluster.  {hint}"
        )
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

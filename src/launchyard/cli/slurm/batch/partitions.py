"""--partition=a,b: the one in which the job would start first."""

from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError
from launchyard.model.light import Any


def choose(server: Server, body: dict[str, Any]) -> None:
    """Name one partition in the body. What all refuse is raised as the first one's refusal."""
    names = [name for name in body["partition"].split(",") if name]
    starts: list[tuple[str, str]] = []
    refusals: list[LaunchyardError] = []
    for name in dict.fromkeys(names):
        try:
            told = server.post("/v1/jobs", {**body, "partition": name, "dry_run": True})
        except LaunchyardError as error:
            if error.code == "no-partition":
                body["partition"] = name
                raise
            refusals.append(error)
            continue
        estimate = told["estimate"]
        # What would start at once comes before any estimate; what nobody can foresee comes last.
        start = "" if told["reason"] is None else estimate["start"] if estimate else "~"
        starts.append((start, name))
    if not starts:
        raise refusals[0]
    body["partition"] = min(starts, key=lambda one: one[0])[1]

"""Ask the server for a step, again while others hold what it needs, and say so as srun does."""

import sys
import time

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError
from launchyard.model.light import Any

PAUSE_FIRST_S = 0.05
PAUSE_MAX_S = 1.0
PERMITTED = "More processors requested than permitted"


def create(server: Server, job: str, body: dict[str, Any], *, immediate: bool, quiet: bool) -> dict[str, Any]:
    """The server's answer about the new step. Raises `Refused`."""
    pause_s = PAUSE_FIRST_S
    told = False
    while True:
        try:
            answer: dict[str, Any] = server.post(f"/v1/jobs/{job}/steps", body)
        except LaunchyardError as error:
            if error.code != "step-busy":
                raise _refused(job, error) from None
            if immediate:
                raise Refused(
                    f"error: Unable to create step for job {job}: Requested nodes are busy"
                ) from None
        else:
            if told and not quiet:
                _say(f"Step created for StepId={answer['job_id']}.{answer['step']}")
            return answer
        if not told and not quiet:
            _say(f"Job {job} step creation temporarily disabled, retrying (Requested nodes are busy)")
        told = True
        time.sleep(pause_s)
        pause_s = min(PAUSE_MAX_S, pause_s * 1.5)


def _refused(job: str, error: LaunchyardError) -> Refused:
    """In Slurm's words where programs look for them, with our sentence behind."""
    if error.code == "not-found":
        return Refused(
            f"error: Unable to confirm allocation for job {job}: Invalid job id specified",
            f"Check SLURM_JOB_ID environment variable. Expired or invalid job {job}",
        )
    if error.code == "job-not-running":
        what = "Job/step already completing or completed"
        return Refused(f"error: Unable to create step for job {job}: {what}")
    if error.code == "infeasible":
        named = "node " in str(error).partition("'")[0]
        what = "Requested node configuration is not available" if named else PERMITTED
        return Refused(f"error: Unable to create step for job {job}: {what}", f"{error}")
    return Refused(f"error: Unable to create step for job {job}: {error}")


def _say(text: str) -> None:
    print(f"srun: {text}", file=sys.stderr, flush=True)

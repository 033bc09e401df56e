"""Ask the server for a step, again while others hold what it needs, and say so as srun does."""

import sys
import time

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError
from launchyard.model.light import Any

PAUSE_S = 1
PERMITTED = "More processors requested than permitted"


def create(server: Server, job: str, body: dict[str, Any], *, immediate: bool, quiet: bool) -> dict[str, Any]:
    """The server's answer about the new step. Raises `Refused`."""
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
        _wait(server, job)


def _wait(server: Server, job: str) -> None:
    """Until a step of the job has ended, or for a moment."""
    try:
        server.get(f"/v1/jobs/{job}/steps/freed", within_s=PAUSE_S)
    except LaunchyardError:
        time.sleep(PAUSE_S)


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

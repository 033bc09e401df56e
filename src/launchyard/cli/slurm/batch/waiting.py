"""sbatch --wait: until the job has ended, and its exit code."""

from launchyard.sdk.client import Client
from launchyard.slurm.waited import exit_code_of


def wait_for(job_id: int) -> int:
    """The job's exit code, 1 when a signal or the system ended it; of an array the highest of its tasks."""
    with Client() as client:
        job = client.wait(job_id).to_json()
        if not job.get("array"):
            return exit_code_of([job])
        tasks = client.transport.json("GET", "/v1/jobs", query={"array": job_id, "limit": 10_000})
        return exit_code_of([*tasks["jobs"], job])

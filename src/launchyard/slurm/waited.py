"""The exit code by which sbatch --wait tells how jobs ended."""

from collections.abc import Iterable, Mapping

from launchyard.model.light import Any


def exit_code_of(jobs: Iterable[Mapping[str, Any]]) -> int:
    """The highest of these jobs' (as JSON); one that did not exit by itself and did not complete counts 1."""
    return max((_of(job) for job in jobs), default=0)


def _of(job: Mapping[str, Any]) -> int:
    if job["exit_code"] is not None and job["signal"] is None:
        return int(job["exit_code"])
    return 0 if job["state"] == "COMPLETED" else 1

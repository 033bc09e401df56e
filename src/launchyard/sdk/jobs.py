"""A job as a client holds it: the JSON of the server, and what can be done with it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from launchyard.sdk.records import Record

if TYPE_CHECKING:
    from launchyard.sdk.client import Client

RERUN_OF = "launchyard.rerun_of"
"""In the metadata of a job: the id of the one that it runs again."""
LIVE_STATES = frozenset({"PENDING", "STARTING", "RUNNING", "SUSPENDED", "COMPLETING"})


class Job(Record):
    """As the server described it when asked; `refresh` and the methods below answer a newer one."""

    __slots__ = ("_client",)

    def __init__(self, data: Mapping[str, Any], client: "Client") -> None:
        super().__init__(data)
        self._client = client

    @property
    def key(self) -> str:
        """What names it to people: `12`, or `12_3` for task 3 of array 12."""
        return key_of(self._data)

    @property
    def ended(self) -> bool:
        return self._data.get("state") not in LIVE_STATES

    @property
    def succeeded(self) -> bool:
        return self._data.get("state") == "COMPLETED"

    def refresh(self) -> "Job":
        return self._client.job(self.id)

    def wait(self, timeout_s: float | None = None) -> "Job":
        return self._client.wait(self.id, timeout_s=timeout_s)

    def cancel(self) -> "Job":
        return self._client.cancel(self.id)

    def logs(self, *, follow: bool = False) -> Iterator[bytes]:
        return self._client.logs(self.id, follow=follow)

    def tasks(self) -> list["Job"]:
        """Of an array the tasks that were started or touched alone, by index."""
        return sorted(self._client.jobs(array=self.id), key=lambda task: task.array["index"])

    def why(self) -> Record:
        return self._client.why(self.id)


def key_of(job: Mapping[str, Any]) -> str:
    array = job.get("array") or {}
    if array.get("index") is not None and array.get("job_id") is not None:
        return f"{array['job_id']}_{array['index']}"
    return str(job.get("id"))


def is_live(job: Mapping[str, Any]) -> bool:
    return job.get("state") in LIVE_STATES


def is_unsplit(job: Job) -> bool:
    """A task that has no id of its own yet: its array's record stands for it."""
    array = job.array or {}
    return array.get("index") is not None and array.get("job_id") == job.id


def records(jobs: Iterable[Job]) -> list[Job]:
    """Jobs and arrays, without the tasks of arrays that are among them."""
    found = list(jobs)
    ids = {job.id for job in found}
    return [job for job in found if (record := record_id(job)) == job.id or record not in ids]


def record_id(job: Job) -> int:
    """Of a task the job that is its array; else its own."""
    array = job.to_json().get("array") or {}
    record: int = array.get("job_id", job.id)
    return record


def latest(jobs: Iterable[Job]) -> list[Job]:
    """The same without what ended and another of them runs again."""
    found = list(jobs)
    again = {(job.metadata or {}).get(RERUN_OF) for job in found}
    return [job for job in records(found) if not job.ended or str(job.id) not in again]


def live_records(jobs: Iterable[Job]) -> list[Job]:
    """Jobs and arrays that have not ended."""
    return [job for job in records(jobs) if not job.ended]

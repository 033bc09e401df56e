"""A listener to `GET /v1/events`: what every job went through, as it was published."""

import contextlib
import http.client
import json
import socket
import threading
from types import TracebackType

from launchyard.model.state import ENDED, TRANSITIONS, JobState
from tests.system.product import Json, Product, wait_for


class Watcher:
    """Listens while its block runs. Begin it before the jobs that it is to hear of."""

    def __init__(self, product: Product) -> None:
        self.events: list[Json] = []
        self._connection = product.client(timeout=300)._connection
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        assert self._begun.wait(60), "the stream of events does not begin"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The other thread reads: only this wakes it.
        self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=60)
        self._connection.close()

    def heard_end_of(self, job_id: int) -> None:
        """Wait until the job's end was published."""
        wait_for(lambda: self._ends(job_id) or None, 60, f"the end of job {job_id} is published")

    def check(self) -> None:
        """Only moves of the table, each from where the one before led, and one end a job."""
        last: dict[int, JobState] = {}
        for event in self.events:
            job_id, now = event["job_id"], JobState(event["state"])
            before = None if event["previous"] is None else JobState(event["previous"])
            assert before in (last.get(job_id), None) or job_id not in last, (event, last[job_id])
            if before is not None and before is not now:
                assert now in TRANSITIONS[before].values(), f"job {job_id} went from {before} to {now}"
            last[job_id] = now
        for job_id in last:
            assert self._ends(job_id) <= 1, f"job {job_id} ended twice"

    def _ends(self, job_id: int) -> int:
        return sum(event["job_id"] == job_id and event["state"] in ENDED for event in self.events)

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            self._connection.request("GET", "/v1/events")
            response = self._connection.getresponse()
            while line := response.readline():
                self._begun.set()
                event = json.loads(line[5:]) if line.startswith(b"data:") else {}
                if "job_id" in event:
                    self.events.append(event)

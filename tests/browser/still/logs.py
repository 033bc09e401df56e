"""What jobs printed, and what they used as time went by; the same at each run."""

import asyncio
import math
import tempfile
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from launchyard.api.services import LogPart
from launchyard.helper import searching
from launchyard.model.errors import NotFound
from launchyard.model.job import Job
from launchyard.model.series import Sample, Series
from tests.browser.still import present, sittings

_EPOCHS = "".join(
    f"\x1b[2m{14 + epoch // 60:02}:{epoch % 60:02}:07\x1b[0m epoch {epoch:3} "
    f"loss {2.31 / (1 + epoch / 9):.4f} \x1b[32macc {0.42 + epoch / 200:.3f}\x1b[0m\n"
    for epoch in range(1, 61)
)
_TRACEBACK = """Traceback (most recent call last):
  File "/home/ada/proj/train.py", line 3, in <module>
    import torch
ModuleNotFoundError: No module named 'torch'
"""
_TEXTS = {
    present.RUNNING: _EPOCHS,
    present.LONG: _EPOCHS,
    present.FAILED: _TRACEBACK,
    present.COMPLETED: "reading 12 tables\nwrote prepared.parquet (3.1 GiB)\n",
    present.CAPPED: "".join(f"looked at row {row}\n" for row in range(400)),
    present.MEMORY: "joining orders with customers\njoining orders with items\n",
    present.TIMEOUT: _EPOCHS[:900],
    sittings.STARTING: "code-server 4.99.3\nlistens on a socket of its own\n",
    sittings.FAILED: "[I ServerApp] jupyterlab 4.6.6\n[C ServerApp] Bad config: c.ServerApp.ip = 'node'\n",
}


class StillLogs:
    """`api.services.Logs` and `LogSearch` over texts; those of jobs that are not named are one line."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="ly-still-"))

    async def read(self, job: Job, stream: str, offset: int, limit: int) -> LogPart:
        if job.id == present.GONE:
            raise NotFound(f"there is no file {self.path(job)} any more", code="log-gone")
        text = _text(job)
        begin = max(0, len(text) + offset) if offset < 0 else min(offset, len(text))
        data, capped = text[begin : begin + limit], job.id == present.CAPPED
        return LogPart(data=data, offset=begin, size=len(text), capped=capped)

    async def follow(
        self, job: Job, stream: str, offset: int, ended: asyncio.Event
    ) -> AsyncGenerator[LogPart, None]:
        part = await self.read(job, stream, offset, 1 << 20)
        if part.data:
            yield part
        await ended.wait()

    def path(self, job: Job) -> str | None:
        return f"/var/lib/launchyard/spool/{job.user}/{job.id}.out"

    async def search(
        self, job: Job, stream: str, text: str, *, offset: int, line: int, limit: int
    ) -> Mapping[str, Any]:
        order = {**self._order(job), "text": text, "offset": offset, "line": line, "limit": limit}
        return _found(searching.search(order))

    async def marks(self, job: Job, stream: str) -> Mapping[str, Any]:
        return _found(searching.marks(self._order(job)))

    def _order(self, job: Job) -> dict[str, Any]:
        path = self._directory / str(job.id)
        path.write_bytes(_text(job))
        return {"id": "1", "path": str(path), "limit_s": 5.0}


class StillSeries:
    """`api.services.UsageSeries`: every launch used something like the others, no two the same."""

    async def of(self, launch_id: str) -> Series | None:
        kind, number, *_ = launch_id.split("-")
        return None if kind == "past" else Series(launch_id=launch_id, samples=_samples(int(number)))

    async def watch(self, job: Job) -> AsyncGenerator[Sample, None]:
        await asyncio.Event().wait()
        yield Sample(0.0)


def _samples(number: int) -> tuple[Sample, ...]:
    cpu_s, found = 0.0, []
    for place in range(1, 121):
        at_s = 12.0 * place
        cpu_s += 12.0 * (1.4 + math.sin(place / 7 + number) * 0.5)
        memory_mib = 400 + 2600 * (1 - math.exp(-place / 25)) + 120 * math.sin(place / 3)
        found.append(Sample(at_s, cpu_s, memory_mib, 40.0 * place, 6.0 * place))
    return tuple(found)


def _text(job: Job) -> bytes:
    if job.id in _TEXTS:
        return _TEXTS[job.id].encode()
    return b"" if job.attempt is None else b"ready\n"


def _found(message: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in ("t", "id")}

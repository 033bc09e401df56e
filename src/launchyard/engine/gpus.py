"""What GPUs do now, as NVIDIA's own tool tells it, for the jobs that hold them.

Nothing counts the use of a GPU by process that could be trusted, so a job is told what the GPUs that it holds
do: of one that several jobs share each is told all of it. Without the tool nothing is known.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from launchyard.model.job import Job

Figures = Mapping[str, Mapping[str, float]]
Ask = Callable[[Sequence[str] | None], Awaitable[Figures]]

PROGRAM = "nvidia-smi"
QUESTION = ("--query-gpu=index,utilization.gpu,memory.used", "--format=csv,noheader,nounits")
PATIENCE_S = 5.0


class GpuUse(NamedTuple):
    """How much of its time it works, 0 to 1, and how much of its memory is used."""

    busy: float
    memory_mib: float


class GpuMeter:
    """Usage of launches as somebody else tells it, with `gpus` and `gpu_memory_mib` where they hold some."""

    def __init__(
        self, ask: Ask, holding: Callable[[], Mapping[int, Job]], program: str | None = None
    ) -> None:
        """`holding`: the jobs that hold resources now."""
        self._ask = ask
        self._holding = holding
        self._program = program or shutil.which(PROGRAM)

    async def usage(self, launch_ids: Sequence[str] | None = None) -> Figures:
        """As the one that was given; the tool is asked only where one of these launches holds a GPU."""
        found = await self._ask(launch_ids)
        held = self._held(found) if self._program is not None else {}
        if not held:
            return found
        now = await self._look()
        told = {launch_id: _sum([now[one] for one in ids if one in now]) for launch_id, ids in held.items()}
        return {launch_id: {**figures, **told.get(launch_id, {})} for launch_id, figures in found.items()}

    def _held(self, figures: Figures) -> dict[str, tuple[int, ...]]:
        """The GPUs of each of these launches, on the node where it was started."""
        held = {}
        for job in self._holding().values():
            attempt = job.attempt
            if attempt is not None and attempt.launch_id in figures and attempt.allocation.shares[0].gpu_ids:
                held[attempt.launch_id] = attempt.allocation.shares[0].gpu_ids
        return held

    async def _look(self) -> dict[int, GpuUse]:
        """Empty when the tool does not answer: there will be a gap."""
        try:
            process = await asyncio.create_subprocess_exec(
                str(self._program),
                *QUESTION,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError:
            return {}
        try:
            told, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            return {}
        return uses_of(told.decode(errors="replace"))


def uses_of(text: str) -> dict[int, GpuUse]:
    """Lines such as `0, 87, 10240`; what a GPU does not tell (`[N/A]`) leaves it out."""
    found = {}
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            index, busy, memory = (float(word) for word in line.split(","))
            found[int(index)] = GpuUse(busy / 100, memory)
    return found


def _sum(uses: Sequence[GpuUse]) -> dict[str, float]:
    if not uses:
        return {}
    return {"gpus": sum(one.busy for one in uses), "gpu_memory_mib": sum(one.memory_mib for one in uses)}

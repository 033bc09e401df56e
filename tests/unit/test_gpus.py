"""What GPUs do, for the jobs that hold them; the tool is a script here that prints what the real one does."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from launchyard.engine.gpus import GpuMeter, GpuUse, uses_of
from launchyard.model.job import Attempt, Job
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.series import Sample, Series, rates, with_sample
from launchyard.model.state import JobState
from tests.api_bench import ADA, T0, job_of

TOLD = "0, 90, 10240\n1, 50, 2048\n2, [N/A], [N/A]\n"


async def launches(launch_ids: Sequence[str] | None) -> Mapping[str, Mapping[str, float]]:
    return {one: {"cpu_s": 3.0} for one in launch_ids or ()}


def holding(**gpus: tuple[int, ...]) -> dict[int, Job]:
    """A running job a launch, each with these GPUs."""
    found = {}
    for number, (launch_id, ids) in enumerate(gpus.items(), 1):
        share = NodeShare(node="node", cpus_milli=1000, memory_mib=64, gpu_ids=ids)
        given = Allocation(shares=(share,))
        attempt = Attempt(number=1, launch_id=launch_id, epoch="e1", allocation=given, allocated_at=T0)
        found[number] = replace(job_of(ADA, number, state=JobState.RUNNING), attempt=attempt)
    return found


def tool(directory: Path, text: str) -> str:
    path = directory / "tool"
    path.write_text(f"#!/bin/sh\necho asked >> {directory}/asked\ncat <<'END'\n{text}END\n")
    path.chmod(0o755)
    return str(path)


def test_a_gpu_that_tells_nothing_is_left_out() -> None:
    assert uses_of(TOLD) == {0: GpuUse(0.9, 10240), 1: GpuUse(0.5, 2048)}
    assert uses_of("No devices were found\n") == {}


def test_a_job_is_told_what_its_gpus_do(tmp_path: Path) -> None:
    held = holding(both=(0, 1), silent=(2,), none=())
    meter = GpuMeter(launches, lambda: held, tool(tmp_path, TOLD))
    told = asyncio.run(meter.usage(["both", "silent", "none"]))
    assert told["both"] == {"cpu_s": 3.0, "gpus": 1.4, "gpu_memory_mib": 12288.0}
    assert told["silent"] == told["none"] == {"cpu_s": 3.0}


def test_the_tool_is_not_asked_for_jobs_without_gpus(tmp_path: Path) -> None:
    meter = GpuMeter(launches, lambda: holding(none=()), tool(tmp_path, TOLD))
    assert asyncio.run(meter.usage(["none"])) == {"none": {"cpu_s": 3.0}}
    assert not (tmp_path / "asked").exists()


def test_a_tool_that_is_not_there_leaves_a_gap(tmp_path: Path) -> None:
    meter = GpuMeter(launches, lambda: holding(one=(0,)), str(tmp_path / "nothing"))
    assert asyncio.run(meter.usage(["one"])) == {"one": {"cpu_s": 3.0}}


def test_two_samples_that_become_one_have_the_mean_of_what_worked_and_the_greater_memory() -> None:
    series = Series(launch_id="l1")
    for at in range(1, 242):
        series = with_sample(series, Sample(float(at), gpus=at % 2, gpu_memory_mib=100.0 * (at % 2)))
    assert series.samples[-1][-2:] == (0.5, 100.0)
    assert [(one.gpus, one.gpu_memory_mib) for one in rates(series.samples[-1:])] == [(0.5, 100.0)]

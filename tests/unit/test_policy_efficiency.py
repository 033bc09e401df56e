"""Used of asked: of one job, of several together, and how tasks differ."""

from dataclasses import replace

from launchyard.model.job import Attempt
from launchyard.model.resources import Allocation, Request, Usage
from launchyard.model.state import JobState
from launchyard.policy.efficiency import Part, efficiency_of, spread, total
from tests.unit.cluster import T0, job

RAN = job(
    1,
    state=JobState.COMPLETED,
    request=Request(cpus_milli=4000, memory_mib=16_384, gpus=2, gpu_milli=500),
    time_limit_s=7200,
    started_at=T0,
    ended_at=T0 + 720,
    usage=Usage(cpu_s=792.0, memory_peak_mib=3174.4),
)


def test_what_an_ended_job_used_is_told_of_what_it_held() -> None:
    told = efficiency_of(RAN, T0 + 9999)
    assert told.elapsed_s == 720
    assert told.cpu == Part(used=792.0, asked=2880.0)
    assert told.cpu.percent == 27.5
    assert told.memory == Part(used=3174.4, asked=16_384)
    assert told.gpu == Part(used=None, asked=720.0)
    assert told.gpu.percent is None
    assert told.time.percent == 10.0


def test_what_was_not_asked_for_or_never_ran_has_no_percentage() -> None:
    unlimited = replace(RAN, time_limit_s=None, request=Request(cpus_milli=0))
    told = efficiency_of(unlimited, T0)
    assert [part.percent for part in (told.cpu, told.memory, told.time)] == [None, None, None]
    never = efficiency_of(replace(RAN, started_at=None), T0)
    assert (never.elapsed_s, never.cpu, never.time) == (None, Part(), Part(asked=7200))


def test_a_running_job_is_told_so_far_and_suspension_does_not_count() -> None:
    attempt = Attempt(
        number=1, launch_id="l", epoch="e", allocation=Allocation(shares=()), allocated_at=T0, suspended_s=100
    )
    running = replace(RAN, state=JobState.RUNNING, ended_at=None, usage=Usage(), attempt=attempt)
    assert efficiency_of(running, T0 + 500).elapsed_s == 400
    standing = replace(running, attempt=replace(attempt, suspended_at=T0 + 450))
    assert efficiency_of(standing, T0 + 500).elapsed_s == 350


def test_jobs_together_are_weighed_by_how_long_they_ran() -> None:
    short = replace(RAN, ended_at=T0 + 80, usage=Usage(cpu_s=320.0, memory_peak_mib=16_384.0))
    unknown = replace(RAN, usage=Usage())
    told = total([efficiency_of(one, T0) for one in (RAN, short, unknown)])
    assert told.elapsed_s == 1520
    assert told.cpu == Part(used=1112.0, asked=3200.0)
    assert told.memory == Part(used=3174.4 * 720 + 16_384 * 80, asked=16_384 * 800)
    assert told.gpu == Part(asked=1520)
    assert total([]).cpu == Part()


def test_tasks_differ_by_median_lowest_and_highest() -> None:
    found = spread([(1, 50.0), (2, 12.0), (3, 99.0), (4, 60.0)])
    assert found is not None
    assert (found.median, found.lowest, found.lowest_task, found.highest_task) == (55.0, 12.0, 2, 3)
    assert spread([]) is None

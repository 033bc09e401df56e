"""`ly why`: why a job waits and when it may start, or why it ended as it did."""

import time
from collections.abc import Mapping
from typing import Any

import click

from launchyard.cli.ids import parse_ids
from launchyard.cli.options import client, jobs_argument, json_option
from launchyard.cli.output.screen import out, out_json
from launchyard.cli.output.sentences import (
    array_counts,
    array_size,
    asked,
    ended,
    exit_text,
    reason,
)
from launchyard.cli.output.text import capitalised, clean
from launchyard.cli.output.units import at, clock
from launchyard.model.memory import humane_memory
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import Job
from launchyard.sdk.records import Record


@click.command()
@jobs_argument
@json_option
def why(jobs: tuple[str, ...], as_json: bool) -> None:
    """Why a job waits and when it may start, or why it ended as it did."""
    with client() as server:
        answers = [(server.job(job_id), server.why(job_id)) for job_id in parse_ids(jobs)]
        if as_json:
            out_json([answer.to_json() for _, answer in answers])
            return
        for number, (job, answer) in enumerate(answers):
            if number:
                out()
            explain(server, job, answer)


def explain(server: Client, job: Job, answer: Record) -> None:
    if job.ended:
        _explain_end(job)
    elif job.state == "PENDING":
        _explain_wait(job, answer)
    else:
        nodes = ", ".join(map(clean, job.nodes or []))
        tasks = f": {array_counts(job)}" if array_size(job) else ""
        word = "starts" if job.state == "STARTING" else "runs"
        out(f"Job {job.key} {word}{' on ' + nodes if nodes else ''}{tasks}.")


def _explain_wait(job: Job, answer: Record) -> None:
    told = {**job.to_json(), **{key: value for key, value in answer.to_json().items() if value is not None}}
    out(f"Job {job.key} {reason(told) or 'waits; the next plan says why'}.")
    if start := start_by_clock(told.get("estimate") or {}, time.time()):
        out(f"Start   {start}")
    out(f"Asked   {asked(job)}")


def start_by_clock(estimate: Mapping[str, Any], now: float) -> str:
    """`about 14:20 (13:50 to 15:30)`."""
    start, low, high = (at(estimate.get(name)) for name in ("start", "low", "high"))
    if start is None:
        return ""
    shown = [clock(one, now) for one in (start, low or start, high or start)]
    return f"about {shown[0]}" + (f" ({shown[1]} to {shown[2]})" if shown[1] != shown[2] else "")


def _explain_end(job: Job) -> None:
    out(capitalised(ended(job)) + ".")
    out(f"Asked   {asked(job)}")
    usage = job.usage or {}
    peak, cpu_s = usage.get("memory_peak_mib"), usage.get("cpu_s")
    used = [f"{humane_memory(peak)} of memory at most"] if peak is not None else []
    used += [f"{cpu_s:.1f} s of CPU"] if cpu_s is not None else []
    if used:
        out(f"Used    {', '.join(used)}")
    if job.state != "FAILED" and exit_text(job):
        out(f"Exit    {exit_text(job)}")
    if advice := advised(job):
        out(f"Next    {advice}")


def advised(job: Job) -> str:
    """The command that would have helped."""
    resources = job.resources or {}
    if job.state == "OUT_OF_MEMORY" and resources.get("memory_mib"):
        return f"ly rerun {job.key} --mem {_doubled(resources['memory_mib'])}"
    if job.state == "TIMEOUT" and job.time_limit_s:
        return f"ly rerun {job.key} -t {_longer(job.time_limit_s)}"
    if job.state == "FAILED":
        return f"ly logs {job.key}"
    return f"ly rerun {job.key}" if job.state in ("LOST", "NODE_FAIL", "PREEMPTED") else ""


def _doubled(mib: int) -> str:
    doubled = mib * 2
    return f"{doubled // 1024}G" if doubled % 1024 == 0 else f"{doubled}M"


def _longer(limit_s: int) -> str:
    doubled = limit_s * 2
    for unit, unit_s in (("d", 86_400), ("h", 3600), ("m", 60)):
        if doubled % unit_s == 0:
            return f"{doubled // unit_s}{unit}"
    return f"{doubled}s"

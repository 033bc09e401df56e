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
    sooner,
)
from launchyard.cli.output.text import capitalised, clean
from launchyard.cli.output.units import at, clock
from launchyard.model.errors import LaunchyardError
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
    """What `ly why` says of one job, with the address of the page that says more."""
    if job.ended:
        _explain_end(server, job, answer)
    elif job.state == "PENDING":
        _explain_wait(job, answer)
        _lead_on(server, answer)
    elif answer.reason:
        out(f"Job {job.key} {answer.reason}.")
    else:
        nodes = ", ".join(map(clean, job.nodes or []))
        tasks = f": {array_counts(job)}" if array_size(job) else ""
        word = {"STARTING": "starts", "SUSPENDED": "is suspended"}.get(str(job.state), "runs")
        out(f"Job {job.key} {word}{' on ' + nodes if nodes else ''}{tasks}.")


def _lead_on(server: Client, answer: Record) -> None:
    """To the page of the message in the portal."""
    if not answer.type:
        return
    address = server.transport.address
    portal = str(address) if address.socket is None else clean(server.status().url or "")
    if portal:
        out(f"More    {portal}{clean(answer.type).removeprefix('/v1')}")


def _explain_wait(job: Job, answer: Record) -> None:
    told = {**job.to_json(), **{key: value for key, value in answer.to_json().items() if value is not None}}
    out(f"Job {job.key} {reason(told) or 'waits; the next plan says why'}.")
    now = time.time()
    if start := start_by_clock(told.get("estimate") or {}, now, told.get("record")):
        out(f"Start   {start}")
    for line in sooner(told):
        out(line)
    ahead = told.get("ahead") or {}
    if ahead.get("jobs"):
        more = ahead["count"] - len(ahead["jobs"])
        names = ", ".join(map(str, ahead["jobs"])) + (f" and {more} more" if more > 0 else "")
        out(f"Ahead   {names}")
    if until := at(told.get("overtaken_until")):
        out(f"Bound   nobody of the same standing who submits after {clock(until, now)} goes ahead of it")
    out(f"Asked   {asked(job)}")


def start_by_clock(estimate: Mapping[str, Any], now: float, record: Mapping[str, int] | None = None) -> str:
    """`about 14:20 (13:50 to 15:30; right 9 of the last 10 times)`."""
    start, low, high = (at(estimate.get(name)) for name in ("start", "low", "high"))
    if start is None:
        return ""
    shown = [clock(one, now) for one in (start, low or start, high or start)]
    told = [f"{shown[1]} to {shown[2]}"] if shown[1] != shown[2] else []
    if record:
        told.append(f"right {record['right']} of the last {record['count']} times")
    return f"about {shown[0]}" + (f" ({'; '.join(told)})" if told else "")


def _explain_end(server: Client, job: Job, answer: Record) -> None:
    out(capitalised(ended(job, answer)) + ".")
    if answer.code and not job.succeeded:
        out(f"Cause   {clean(answer.code)}")
    if answer.line:
        out(f"Log     {clean(answer.line)}")
    if answer.log_unread:
        out(f"Log     not read: {clean(answer.log_unread)}")
    out(f"Asked   {asked(job)}")
    usage = job.usage or {}
    peak, cpu_s = usage.get("memory_peak_mib"), usage.get("cpu_s")
    used = [f"{humane_memory(peak)} of memory at most"] if peak is not None else []
    used += [f"{cpu_s:.1f} s of CPU"] if cpu_s is not None else []
    if used:
        out(f"Used    {', '.join(used)}")
    if job.state not in ("FAILED", "COMPLETED") and exit_text(job):
        out(f"Exit    {exit_text(job)}")
    if not job.succeeded:
        _lead_on(server, answer)
    if answer.command:
        out(f"Next    {clean(answer.command)}")


def told_of(server: Client, job: Job) -> Record | None:
    """What the server says of the end of a job that did not complete; None when it cannot be asked."""
    try:
        return None if job.succeeded else server.why(job.key)
    except LaunchyardError:
        return None

"""How long one thing takes on an idle machine: a start, a durable submission, a line of a log."""

import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.commands import in_turn
from benchmarks.row import Row
from tests.system.product import Product

ASKED = {"cpus": 1, "memory_mib": 64}


def bare_commit_s(directory: Path, count: int = 200) -> float:
    """The bare limit of a durable write here: append 512 bytes and fdatasync, median seconds."""
    times = []
    with tempfile.NamedTemporaryFile(dir=directory) as file:
        for _ in range(count):
            began = time.perf_counter()
            file.write(b"x" * 512)
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def bare_start_s(count: int = 50) -> float:
    """The bare limit of a start: a process that writes the time, from spawn to its own clock reading."""
    times = []
    for _ in range(count):
        reading, writing = os.pipe()
        began = time.time()
        command = ["date", "+%s.%N"]
        pid = os.posix_spawn("/bin/date", command, {}, file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1)])
        os.close(writing)
        os.waitpid(pid, 0)
        times.append(float(os.read(reading, 64)) - began)
        os.close(reading)
    return statistics.median(times)


def start_row(product: Product, directory: Path, count: int = 60) -> Row:
    """Submission to running: from before the POST to the clock reading of the job itself.

    The gate is 10 ms in bare spawns of a machine that does 2,000 of them a second.
    """
    times = []
    client = product.client()
    for n in range(count):
        out = directory / f"start-{n}"
        began = time.time()
        answer = client.call(
            "POST", "/v1/jobs", {"command": ["date", "+%s.%N"], "stdout": str(out), "resources": ASKED}
        )
        product.until(answer["id"])
        times.append(float(out.read_text()) - began)
    client.close()
    found, bare = statistics.median(times), bare_start_s()
    return Row(
        work="submission to running, idle",
        value=found * 1000,
        unit="ms p50",
        against="a bare spawn",
        ratio=found / bare,
        gate=20,
        lower_is_better=True,
        note=f"bare {bare * 1000:.2f} ms; asked: ≤ 10 ms",
    )


def submit_rows(product: Product, directory: Path, count: int = 2000, connections: int = 16) -> list[Row]:
    """One durable POST at a time, and how many a second from sixteen connections (held: nothing starts)."""
    body = {"command": ["true"], "resources": ASKED, "hold": True}
    client = product.client()
    times = []
    for _ in range(300):
        began = time.perf_counter()
        client.call("POST", "/v1/jobs", body)
        times.append(time.perf_counter() - began)
    client.close()
    single, bare = statistics.median(times), bare_commit_s(directory)
    rate = _concurrent(product, body, count, connections)
    return [
        Row(
            work="one submission, durable",
            value=single * 1000,
            unit="ms p50",
            against="a bare fdatasync",
            ratio=single / bare,
            gate=20,
            lower_is_better=True,
            note=f"bare {bare * 1000:.2f} ms; asked: ≤ 3 ms",
        ),
        Row(
            work=f"submissions from {connections} connections",
            value=rate,
            unit="/s",
            against="one after the other",
            ratio=rate * single,
            gate=1,
            note="asked: ≥ 2,000/s",
        ),
    ]


def _concurrent(product: Product, body: object, count: int, connections: int) -> float:
    """Clients are processes: threads would measure our own interpreter lock."""
    pids = []
    began = time.perf_counter()
    for _ in range(connections):
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(Exception):
                client = product.client()
                for _ in range(count // connections):
                    client.call("POST", "/v1/jobs", body)
                os._exit(0)
            os._exit(1)
        pids.append(pid)
    codes = [os.waitpid(pid, 0)[1] for pid in pids]
    assert not any(codes), "a client failed"
    return count / (time.perf_counter() - began)


def follow_row(product: Product, lines: int = 40) -> Row:
    """A line of a log to its follower: each line is the time at which it was written."""
    command = f"for n in $(seq {lines}); do date +%s.%N; sleep 0.05; done"
    job_id = product.submit(command, resources=ASKED)
    product.until(job_id, "RUNNING")
    client = product.client()
    connection = client._connection
    connection.request("GET", f"/v1/jobs/{job_id}/logs?follow=1")
    response = connection.getresponse()
    times: list[float] = []
    while line := response.readline():
        times.append(time.time() - float(line))
    client.close()
    assert len(times) == lines
    found = statistics.median(times[1:])
    return Row(
        work="log line to follower",
        value=found * 1000,
        unit="ms p50",
        against="50 ms",
        ratio=found / 0.05,
        gate=1,
        lower_is_better=True,
    )


def memory_rows(product: Product, running: int = 100) -> list[Row]:
    """Daemon and launcher in proportional set size, and what each running job adds to them."""
    ours = [product.pid, *product.keepers()]
    before = _pss_mib(ours)
    body = [{"command": ["sleep", "30"], "resources": {"cpus": 0.01, "memory_mib": 1}}] * running
    ids = [item["id"] for item in product.call("POST", "/v1/jobs", body)]
    for job_id in ids:
        product.until(job_id, "RUNNING")
    each = (_pss_mib(ours) - before) / running
    for job_id in ids:
        product.call("POST", f"/v1/jobs/{job_id}/cancel")
    return [
        _at_most("memory of daemon, keeper and launcher", before, "MiB PSS", 120),
        _at_most("memory a running job", each, "MiB PSS", 0.1),
    ]


def cli_row(product: Product, count: int = 15) -> Row:
    """`ly jobs` from start to end, against a bare start of the same interpreter."""
    ly = str(Path(sys.executable).with_name("ly"))
    commands = {"ours": [ly, "jobs"], "bare": [sys.executable, "-c", "import click"]}
    runs = in_turn(commands, count, LAUNCHYARD_STATE=str(product.state))
    found, bare = runs["ours"].wall_s, runs["bare"].wall_s
    return Row(
        work="`ly jobs`",
        value=found * 1000,
        unit="ms p50",
        against="python -c 'import click'",
        ratio=found / bare,
        gate=2.5,
        lower_is_better=True,
        note=f"bare {bare * 1000:.0f} ms; asked: ≤ 80 ms",
    )


def _at_most(work: str, value: float, unit: str, bound: float) -> Row:
    return Row(
        work=work,
        value=value,
        unit=unit,
        against=f"{bound:g} {unit}",
        ratio=value / bound,
        gate=1,
        lower_is_better=True,
    )


def _pss_mib(pids: Sequence[int]) -> float:
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024

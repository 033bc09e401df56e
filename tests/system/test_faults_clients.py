"""Clients that read nothing, hold everything open or come in numbers, and a daemon short of descriptors."""

import contextlib
import http.client
import resource
import socket
from pathlib import Path

import pytest

from tests.system.product import Client, Product, Refused, wait_for

ASKED = {"cpus": 0.5, "memory_mib": 64}


def resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


@pytest.mark.timeout(200)
def test_f13_clients_that_never_read_cost_little_and_hold_up_nobody(product: Product) -> None:
    """F13: ten followers of a flood that read nothing; the job and the other clients do not notice."""
    job_id = product.submit("head -c 60000000 /dev/zero | tr '\\0' x; exit 3", resources=ASKED)
    product.until(job_id, "RUNNING", "FAILED")
    before = resident_mib(product.pid)
    idle = []
    for _ in range(10):
        connection = product.client()._connection
        connection.request("GET", f"/v1/jobs/{job_id}/logs?follow=1")
        idle.append(connection)
    assert product.until(job_id)["exit_code"] == 3
    for _ in range(50):
        product.job(job_id)
    assert resident_mib(product.pid) - before < 60
    assert len(product.log(job_id)) == 60_000_000
    for connection in idle:
        connection.close()


def test_f13_half_open_connections_and_half_requests_are_let_be(product: Product) -> None:
    """F13: a hundred clients that send half a request; the next whole one is served."""
    half = []
    for _ in range(100):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.connect(str(product.socket_path))
        one.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Le")
        half.append(one)
    assert product.submit("true", resources=ASKED) > 0
    for one in half:
        one.close()


@pytest.mark.timeout(200)
def test_f10_daemon_without_descriptors_pauses_and_recovers(product: Product) -> None:
    """F10: with few descriptors left it accepts no more, drops nobody it has, and goes on afterwards."""
    waiting = product.client()
    waiting.call("GET", "/v1/health")
    used = len(list(Path(f"/proc/{product.pid}/fd").iterdir()))
    _, hard = resource.prlimit(product.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(product.pid, resource.RLIMIT_NOFILE, (used + 12, hard))
    held = []
    for _ in range(60):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            one.connect(str(product.socket_path))
        held.append(one)
    for _ in range(20):
        assert waiting.call("GET", "/v1/health")["status"] == "ok"
    assert product.running()
    for one in held:
        one.close()
    resource.prlimit(product.pid, resource.RLIMIT_NOFILE, (hard, hard))
    wait_for(lambda: _served(product), 60, "new clients are served again")
    job_id = product.submit("exit 4", resources=ASKED)
    assert product.until(job_id)["exit_code"] == 4


@pytest.mark.timeout(200)
def test_f10_launcher_without_descriptors_starts_jobs_later_and_loses_none(product: Product) -> None:
    """F10: launches wait for what is free."""
    (launcher,) = product.launchers()
    used = len(list(Path(f"/proc/{launcher}/fd").iterdir()))
    _, hard = resource.prlimit(launcher, resource.RLIMIT_NOFILE)
    resource.prlimit(launcher, resource.RLIMIT_NOFILE, (used + 6, hard))
    ids = [
        product.submit(f"sleep 0.2; exit {n}", resources={"cpus": 0.2, "memory_mib": 1}) for n in range(20)
    ]
    wait_for(lambda: any(product.job(one)["state"] != "PENDING" for one in ids) or None, 60, "some started")
    resource.prlimit(launcher, resource.RLIMIT_NOFILE, (hard, hard))
    assert [product.until(job_id)["exit_code"] for job_id in ids] == list(range(20))


def _served(product: Product) -> bool:
    client = Client(product.socket_path, timeout=5)
    with contextlib.suppress(OSError, http.client.HTTPException, Refused):
        return bool(client.call("GET", "/v1/health")["status"] == "ok")
    return False

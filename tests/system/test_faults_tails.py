"""Very many clients that follow logs at once: one log by all of them, and a log each."""

import contextlib
import os
import resource
import selectors
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.product import Product, wait_for

TAILS = 1000
LINES = 300
MEMORY_MAX_MIB = 200
WITHIN_S = 100.0


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    made = Product(tmp_path / "state")
    made.start()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * TAILS), hard))
    try:
        yield made
    finally:
        made.destroy()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Tails:
    """Followers of logs, by unix sockets, read by one loop."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._selector = selectors.DefaultSelector()
        self.received: dict[socket.socket, bytearray] = {}

    def follow(self, job: str | int) -> None:
        made = socket.socket(socket.AF_UNIX)
        made.connect(str(self._product.socket_path))
        request = f"GET /v1/jobs/{job}/logs?follow=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        made.sendall(request.encode())
        made.setblocking(False)
        self.received[made] = bytearray()
        self._selector.register(made, selectors.EVENT_READ)

    def read(self, patience_s: float) -> int:
        """What has come by now; how many are still open."""
        for key, _ in self._selector.select(patience_s):
            made = key.fileobj
            assert isinstance(made, socket.socket)
            data = made.recv(1 << 18)
            self.received[made] += data
            if not data:
                self._selector.unregister(made)
                made.close()
        return len(self._selector.get_map())

    def to_the_end(self) -> None:
        deadline = time.monotonic() + WITHIN_S
        while self.read(1.0):
            assert time.monotonic() < deadline, "the logs did not come to their ends"

    def begun(self) -> int:
        return sum(1 for data in self.received.values() if data)

    def close(self) -> None:
        for made in self.received:
            with contextlib.suppress(OSError):
                made.close()


def bodies(tails: Tails) -> list[bytes]:
    return [unchunked(bytes(data).partition(b"\r\n\r\n")[2]) for data in tails.received.values()]


def unchunked(data: bytes) -> bytes:
    """The body that came in chunks."""
    parts = []
    while data:
        size, _, rest = data.partition(b"\r\n")
        parts.append(rest[: int(size, 16)])
        data = rest[int(size, 16) + 2 :]
    return b"".join(parts)


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


@pytest.mark.slow
def test_f12_a_thousand_tails_of_one_log_all_get_every_byte(product: Product, tmp_path: Path) -> None:
    """F12: all bytes to all; memory and descriptors bounded; the API answers meanwhile."""
    go = tmp_path / "go"
    script = (
        f"while [ ! -e {go} ]; do sleep 0.1; done; for n in $(seq {LINES}); do echo line $n; sleep 0.01; done"
    )
    job = product.submit(["sh", "-c", script])
    product.until(job, "RUNNING")
    memory, fds = resident_mib(product.pid), descriptors(product.pid)
    tails = Tails(product)
    for _ in range(TAILS):
        tails.follow(job)
    wait_for(lambda: tails.read(0.1) == TAILS and tails.begun() == TAILS, WITHIN_S, "all tails to begin")
    go.touch()
    deadline = time.monotonic() + WITHIN_S
    while tails.read(0.5):
        assert product.job(job)["id"] == job
        assert time.monotonic() < deadline, "the tails did not come to their end"
    expected = b"".join(b"line %d\n" % n for n in range(1, LINES + 1))
    assert {body == expected for body in bodies(tails)} == {True}
    assert resident_mib(product.pid) - memory < MEMORY_MAX_MIB
    wait_for(lambda: descriptors(product.pid) <= fds + 16, 60, "the descriptors to be given back")


@pytest.mark.slow
def test_f12_a_thousand_logs_with_a_tail_each_come_to_their_ends(product: Product) -> None:
    """F12: a log each."""
    array = product.submit("echo task $SLURM_ARRAY_TASK_ID", array=f"1-{TAILS}", resources={"memory_mib": 16})
    product.until(array, within_s=WITHIN_S)
    memory, fds = resident_mib(product.pid), descriptors(product.pid)
    tails = Tails(product)
    for n in range(1, TAILS + 1):
        tails.follow(f"{array}_{n}")
    tails.to_the_end()
    assert sorted(bodies(tails)) == sorted(b"task %d\n" % n for n in range(1, TAILS + 1))
    assert resident_mib(product.pid) - memory < MEMORY_MAX_MIB
    wait_for(lambda: descriptors(product.pid) <= fds + 16, 60, "the descriptors to be given back")

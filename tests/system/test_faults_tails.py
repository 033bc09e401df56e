"""Very many clients that follow logs at once: one log by all of them, and a log each."""

import os
import resource
import selectors
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.person import ADA, Person, for_all, served
from tests.system.product import Product, wait_for

TAILS = 1000
LINES = 300
MEMORY_MAX_MIB = 200
WITHIN_S = 100.0

pytestmark = [pytest.mark.slow, pytest.mark.root]


@pytest.fixture
def product() -> Iterator[Product]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with served(for_all(memory="8GiB")) as made:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * TAILS), hard))
        yield made
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Tails:
    """Followers of logs of a user, read by one loop."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._selector = selectors.DefaultSelector()
        self.received: dict[socket.socket, bytearray] = {}

    def follow(self, job: str | int) -> None:
        made = socket.create_connection(self._person.address)
        head = f"Host: localhost\r\nAuthorization: Bearer {self._person.token}\r\nConnection: close"
        made.sendall(f"GET /v1/jobs/{job}/logs?follow=1 HTTP/1.1\r\n{head}\r\n\r\n".encode())
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


def test_f12_a_thousand_tails_of_one_log_all_get_every_byte(product: Product) -> None:
    """F12: all bytes to all; memory and descriptors bounded; the API answers meanwhile."""
    ada, go = Person(product, ADA), product.state.parent / "go"
    script = (
        f"while [ ! -e {go} ]; do sleep 0.1; done; for n in $(seq {LINES}); do echo line $n; sleep 0.01; done"
    )
    job = ada.submit(["sh", "-c", script])
    ada.until(job, "RUNNING")
    memory, fds = resident_mib(product.pid), descriptors(product.pid)
    tails = Tails(ada)
    for _ in range(TAILS):
        tails.follow(job)
    wait_for(lambda: tails.read(0.1) == TAILS and tails.begun() == TAILS, WITHIN_S, "all tails to begin")
    go.touch()
    deadline = time.monotonic() + WITHIN_S
    while tails.read(0.5):
        assert ada.job(job)["id"] == job
        assert time.monotonic() < deadline, "the tails did not come to their end"
    expected = b"".join(b"line %d\n" % n for n in range(1, LINES + 1))
    assert {body == expected for body in bodies(tails)} == {True}
    assert resident_mib(product.pid) - memory < MEMORY_MAX_MIB
    wait_for(lambda: descriptors(product.pid) <= fds + 16, 60, "the descriptors to be given back")


def test_f12_a_thousand_logs_with_a_tail_each_come_to_their_ends(product: Product) -> None:
    """F12: a log each."""
    ada = Person(product, ADA)
    array = ada.submit("echo task $SLURM_ARRAY_TASK_ID", array=f"1-{TAILS}", resources={"memory_mib": 16})
    ada.until(array, within_s=6 * WITHIN_S)
    memory, fds = resident_mib(product.pid), descriptors(product.pid)
    tails = Tails(ada)
    for n in range(1, TAILS + 1):
        tails.follow(f"{array}_{n}")
    tails.to_the_end()
    assert sorted(bodies(tails)) == sorted(b"task %d\n" % n for n in range(1, TAILS + 1))
    assert resident_mib(product.pid) - memory < MEMORY_MAX_MIB
    wait_for(lambda: descriptors(product.pid) <= fds + 16, 60, "the descriptors to be given back")

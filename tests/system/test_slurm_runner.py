"""The runner alone, with a test in the place of srun."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.launcher.messages import package_argv
from launchyard.runner.frames import (
    END,
    ERRORS,
    EXITED,
    FINISHED,
    HELLO,
    INPUT,
    LAUNCH,
    OUTPUT,
    SIGNAL,
    STARTED,
    Frame,
    Reader,
    frame,
    told,
)
from launchyard.runner.order import Order, TaskOrder

PATIENCE_S = 60


class Srun:
    """The other side: a socket, the runner that connected to it, and what it said."""

    def __init__(self, directory: Path, *more: str) -> None:
        path = directory / "s"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(PATIENCE_S)
        argv = [*package_argv("launchyard.runner.main", sys.executable), "--connect", str(path)]
        self.process = subprocess.Popen([*argv, "--node", "n1", "--job", "1", "--step", "0", *more])
        self.connection, _ = listener.accept()
        self.connection.settimeout(PATIENCE_S)
        listener.close()
        self.said: list[Frame] = []
        self._reader = Reader()
        self.until(lambda: self.of(HELLO))

    def of(self, kind: int, task: int | None = None) -> list[Frame]:
        return [one for one in self.said if one.kind == kind and task in (None, one.task)]

    def text(self, task: int = 0, kind: int = OUTPUT) -> bytes:
        return b"".join(one.data for one in self.of(kind, task))

    def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            data = self.connection.recv(65536)
            assert data, "the runner has gone"
            self.said += self._reader.feed(data)

    def send(self, kind: int, value: dict[str, Any]) -> None:
        self.connection.sendall(told(kind, value))

    def launch(self, *argv: str, tasks: int = 1, **changes: Any) -> None:
        orders = [TaskOrder(rank, list(argv), {}, [], True, False) for rank in range(tasks)]
        order = Order(
            env={"PATH": os.environ["PATH"], "COMMON": "yes"},
            cwd="/",
            umask=0o27,
            limits={},
            tasks=orders,
            hostname=None,
            rows=24,
            columns=80,
        )
        self.send(LAUNCH, order._replace(**changes).to_json())

    def end(self) -> int:
        """Its exit code, once all was said."""
        self.until(lambda: self.of(FINISHED))
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def srun(tmp_path: Path) -> Iterator[Srun]:
    made = Srun(tmp_path)
    yield made
    made.connection.close()
    made.process.kill()
    made.process.wait()


def test_tasks_write_to_srun_and_end(srun: Srun) -> None:
    srun.launch("sh", "-c", "echo $SLURM_PROCID/$SLURM_LOCALID $COMMON $(umask) $PWD; echo bad >&2", tasks=2)

    assert srun.end() == 0
    assert [srun.text(rank) for rank in (0, 1)] == [b"0/0 yes 0027 /\n", b"1/1 yes 0027 /\n"]
    assert srun.text(1, ERRORS) == b"bad\n"
    assert [one.object()["status"] for one in srun.of(EXITED)] == [0, 0]


def test_the_worst_exit_code_is_the_runners(srun: Srun) -> None:
    srun.launch("sh", "-c", "exit $((SLURM_PROCID * 3))", tasks=3)
    assert srun.end() == 6


def test_a_signal_that_killed_a_task_is_the_runners_end_too(srun: Srun) -> None:
    srun.launch("sh", "-c", "kill -SEGV $$")
    assert srun.end() == -signal.SIGSEGV


@pytest.mark.parametrize(("name", "code"), [("no-such-program", 2), ("/etc/passwd", 13), ("/", 13)])
def test_a_program_that_cannot_be_executed_is_named(srun: Srun, name: str, code: int) -> None:
    srun.launch(name)
    assert srun.end() == code
    assert srun.text(kind=ERRORS).startswith(f"slurmstepd: error: execve(): {name}: ".encode())


def test_a_directory_that_is_not_there_is_left_out(srun: Srun) -> None:
    srun.launch("pwd", cwd="/no/such/place")
    assert srun.end() == 0
    assert srun.text() == b"/tmp\n"


def test_input_reaches_every_task_until_its_end(srun: Srun) -> None:
    srun.launch("cat", tasks=2)
    srun.connection.sendall(frame(INPUT, b"hello") + frame(INPUT, b" two", 1) + frame(INPUT))

    assert srun.end() == 0
    assert (srun.text(0), srun.text(1)) == (b"hello", b"hello two")


def test_nothing_of_a_flood_is_lost(srun: Srun) -> None:
    srun.launch("sh", "-c", "head -c 20000000 /dev/zero", tasks=2)
    assert srun.end() == 0
    assert [len(srun.text(rank)) for rank in (0, 1)] == [20_000_000] * 2


def test_a_signal_from_srun_reaches_the_tasks(srun: Srun) -> None:
    srun.launch("sh", "-c", "trap 'echo got; exit 3' USR1; echo up; while :; do sleep 0.05; done")
    srun.until(lambda: b"up" in srun.text())

    srun.send(SIGNAL, {"signal": signal.SIGUSR1, "grace_s": None})

    assert srun.end() == 3
    assert b"got" in srun.text()


def test_a_signal_to_the_runner_is_for_the_tasks(srun: Srun) -> None:
    srun.launch("sh", "-c", "trap 'exit 4' TERM; echo up; while :; do sleep 0.05; done")
    srun.until(lambda: b"up" in srun.text())

    srun.process.terminate()

    assert srun.end() == 4


def test_a_task_that_will_not_end_is_killed_after_the_grace(srun: Srun) -> None:
    srun.launch("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done")
    srun.until(lambda: b"up" in srun.text())

    srun.send(SIGNAL, {"signal": signal.SIGTERM, "grace_s": 0.1})

    assert srun.end() == -signal.SIGKILL


def test_what_tasks_leave_behind_is_ended_with_them(srun: Srun) -> None:
    srun.launch("sh", "-c", "setsid sleep 1000 & echo $!")
    assert srun.end() == 0
    assert not Path(f"/proc/{int(srun.text())}").exists()


def test_without_srun_the_tasks_are_ended(srun: Srun) -> None:
    srun.launch("sleep", "1000")
    srun.until(lambda: srun.of(STARTED))
    pid = srun.of(STARTED)[0].object()["0"]

    srun.connection.close()

    assert srun.process.wait(PATIENCE_S) == -signal.SIGTERM
    assert not Path(f"/proc/{pid}").exists()


def test_a_killed_runner_takes_its_tasks_along(srun: Srun) -> None:
    srun.launch("sleep", "1000")
    srun.until(lambda: srun.of(STARTED))
    pid = srun.of(STARTED)[0].object()["0"]

    with subprocess.Popen(["tail", "-s0.05", f"--pid={pid}", "-f", "/dev/null"]) as waiting:
        srun.process.kill()
        assert waiting.wait(PATIENCE_S) == 0


def test_a_terminal_has_its_size(srun: Srun) -> None:
    task = TaskOrder(0, ["sh", "-c", "test -t 0 && stty size"], {}, [], True, True)
    order = Order({"PATH": os.environ["PATH"]}, "/", 0o22, {}, [task], None, 31, 97)
    srun.send(LAUNCH, order.to_json())
    assert srun.end() == 0
    assert srun.text() == b"31 97\r\n"


def test_sixty_four_tasks_each_have_their_rank(srun: Srun) -> None:
    srun.launch("sh", "-c", "echo $SLURM_PROCID", tasks=64)
    assert srun.end() == 0
    assert sorted(int(srun.text(rank)) for rank in range(64)) == list(range(64))


def test_a_holder_ends_as_it_is_told(tmp_path: Path) -> None:
    holder = Srun(tmp_path, "--hold")
    holder.send(END, {"exit_code": 7, "signal": None})
    assert holder.process.wait(PATIENCE_S) == 7


def test_a_holder_without_its_caller_gives_the_allocation_back(tmp_path: Path) -> None:
    holder = Srun(tmp_path, "--hold")
    holder.connection.close()
    assert holder.process.wait(PATIENCE_S) == 0

"""Steps inside running jobs, by the real server, launcher and runners; the test plays srun."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.runner.frames import FINISHED, HELLO, LAUNCH, Frame, Reader, told
from launchyard.runner.order import Order, TaskOrder
from tests.system.product import Json, Product, Refused, wait_for

CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
grace_s = 1
[[nodes]]
name = "n[1-2]"
cpus = 2
memory = "512MiB"
"""
COLUMNS = "step,state,exit_code,signal,nodes,tasks_by_node,cpu_s,memory_peak_mib,ended_at,job_state,name"


class Srun:
    """Listens as srun does, and has the runners that connect run one task each."""

    def __init__(self, directory: Path, product: Product, job_id: int) -> None:
        self.path = directory / f"srun-{os.urandom(4).hex()}"
        self.product, self.job_id = product, job_id
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._listener.settimeout(60)
        self.connections: list[socket.socket] = []
        self.hellos: list[Json] = []

    def ask(self, **asked: Any) -> Json:
        body = {"connect": str(self.path), **asked}
        answer: Json = self.product.call("POST", f"/v1/jobs/{self.job_id}/steps", body)
        return answer

    def start(self, commands: dict[str, str], **asked: Any) -> Json:
        """A step whose task on each node runs a shell command."""
        step = self.ask(**asked)
        for _ in step["nodes"]:
            connection, _ = self._listener.accept()
            connection.settimeout(60)
            hello = _hello(connection)
            connection.sendall(told(LAUNCH, _order(commands[hello["node"]]).to_json()))
            self.connections.append(connection)
            self.hellos.append(hello)
        return step

    def finish(self) -> None:
        """Hear every runner out, as srun does."""
        for connection in self.connections:
            hear_out(connection)

    def row(self, number: int = 0) -> Json:
        path = f"/v1/tables/steps?columns={COLUMNS}&job={self.job_id}"
        rows = self.product.call("GET", path)["rows"]
        (row,) = [dict(zip(COLUMNS.split(","), row, strict=True)) for row in rows if row[0] == number]
        return row

    def ended(self, number: int = 0) -> Json:
        def over() -> Json | None:
            row = self.row(number)
            return row if row["state"] != "RUNNING" else None

        return wait_for(over, 60, f"step {number} of job {self.job_id} has ended")


def _hello(connection: socket.socket) -> Json:
    reader, frames = Reader(), list[Frame]()
    while not frames:
        data = connection.recv(65536)
        assert data, "the runner has gone without a word"
        frames = reader.feed(data)
    assert frames[0].kind == HELLO
    return frames[0].object()


def hear_out(connection: socket.socket) -> None:
    """Until the runner has said everything."""
    reader, over = Reader(), False
    while not over and (data := connection.recv(65536)):
        over = any(frame.kind == FINISHED for frame in reader.feed(data))
    connection.close()


def _order(text: str) -> Order:
    env = {"PATH": os.environ["PATH"]}
    task = TaskOrder(0, ["sh", "-c", text], {}, [], False, False)
    return Order(env, "/tmp", 0o022, {}, [task], None, 24, 80)


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    directory = Path(tempfile.mkdtemp(prefix="ly-steps-"))
    directory.chmod(0o755)
    one = Product(directory / "s", CONFIG)
    one.start()
    try:
        yield one
    finally:
        one.destroy()
        shutil.rmtree(directory, ignore_errors=True)


Begin = Callable[..., Srun]


@pytest.fixture
def begin(product: Product) -> Iterator[Begin]:
    """Start a job on both nodes, to have steps; it is cancelled at the end."""
    begun: list[int] = []

    def start(command: str = "exec sleep 1000", **fields: Any) -> Srun:
        asked = {"cpus": 4, "nodes": 2, "memory_mib": 400}
        begun.append(product.submit(["sh", "-c", command], resources=asked, **fields))
        product.until(begun[-1], "RUNNING")
        return Srun(product.state.parent, product, begun[-1])

    yield start
    for job_id in begun:
        if product.job(job_id)["ended_at"] is None:
            product.call("POST", f"/v1/jobs/{job_id}/cancel")
            product.until(job_id)


def test_a_step_runs_on_both_nodes_and_ends_with_the_worst_exit_code(begin: Begin) -> None:
    srun = begin()
    step = srun.start({"n1": "exit 0", "n2": "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 9"})

    assert [node["tasks"] for node in step["nodes"]] == [[0], [1]]
    assert sorted(hello["node"] for hello in srun.hellos) == ["n1", "n2"]
    srun.finish()
    row = srun.ended()
    assert (row["state"], row["exit_code"], row["signal"]) == ("FAILED", 9, None)
    assert (row["nodes"], row["tasks_by_node"], row["job_state"]) == (["n1", "n2"], [1, 1], "RUNNING")
    assert row["cpu_s"] > 0
    assert row["memory_peak_mib"] > 0


def test_steps_hold_their_cpus_and_too_many_are_refused(begin: Begin) -> None:
    srun = begin()
    srun.start({"n1": "exec sleep 1000"}, tasks=1, nodes=1, name="first")

    with pytest.raises(Refused) as busy:
        srun.ask(tasks=4, cpus_per_task=1)
    assert (busy.value.status, busy.value.problem["code"]) == (409, "step-busy")
    with pytest.raises(Refused) as infeasible:
        srun.ask(tasks=5, cpus_per_task=1)
    assert (infeasible.value.status, infeasible.value.problem["code"]) == (422, "infeasible")
    with pytest.raises(Refused) as unknown:
        srun.ask(task=1)
    assert unknown.value.status == 400
    assert srun.row()["name"] == "first"


def test_a_cancelled_step_ends_and_its_job_goes_on(begin: Begin, product: Product) -> None:
    srun = begin()
    srun.start({"n1": "trap '' TERM; sleep 1000; sleep 1000"}, tasks=1, nodes=1)

    path = f"/v1/tables/steps?columns=live_cpu_s,live_memory_mib,memory_peak_mib&job={srun.job_id}"
    ((cpu_s, memory_mib, peak_mib),) = product.call("GET", path)["rows"]
    assert (cpu_s >= 0, memory_mib > 1, peak_mib) == (True, True, None)

    product.call("POST", f"/v1/jobs/{srun.job_id}/steps/0/cancel")
    row = srun.ended()

    assert (row["state"], row["job_state"]) == ("CANCELLED", "RUNNING")
    with pytest.raises(Refused) as gone:
        product.call("POST", f"/v1/jobs/{srun.job_id}/steps/0/signal", {"signal": "USR1"})
    assert gone.value.status == 404


def test_a_signal_for_the_steps_spares_the_script(begin: Begin, product: Product) -> None:
    said = product.state.parent / "said"
    ready, up = product.state.parent / "ready", product.state.parent / "up"
    srun = begin(f"trap 'echo script >> {said}' USR1; touch {up}; while :; do sleep 0.05; done")
    wait_for(up.exists, 60, "the script is ready")
    text = f"trap 'echo step >> {said}; exit 3' USR1; touch {ready}; while :; do sleep 0.05; done"
    srun.start({"n1": text}, tasks=1, nodes=1)
    wait_for(ready.exists, 60, "the task is ready")

    product.call("POST", f"/v1/jobs/{srun.job_id}/signal", {"signal": "USR1", "target": "steps"})
    srun.finish()
    assert srun.ended()["exit_code"] == 3
    product.call("POST", f"/v1/jobs/{srun.job_id}/signal", {"signal": "USR1", "target": "batch"})
    wait_for(lambda: said.read_text() == "step\nscript\n", 60, "the script is told")


def test_a_step_ends_with_its_job(begin: Begin, product: Product) -> None:
    srun = begin()
    srun.start({"n1": "exec sleep 1000", "n2": "exec sleep 1000"})

    product.call("POST", f"/v1/jobs/{srun.job_id}/cancel")
    row = srun.ended()

    job = product.until(srun.job_id)
    assert (row["state"], job["state"]) == ("CANCELLED", "CANCELLED")
    with pytest.raises(Refused) as over:
        srun.ask()
    assert (over.value.status, over.value.problem["code"]) == (409, "job-not-running")


def test_the_warning_signal_reaches_the_steps_alone(begin: Begin, product: Product) -> None:
    warning = {"signal": "USR2", "before_s": 120, "target": "steps"}
    began, ready = time.monotonic(), product.state.parent / "to-be-warned"
    srun = begin("trap 'exit 77' USR2; while :; do sleep 0.05; done", time_limit_s=600, warning=warning)
    task = f"trap 'exit 5' USR2; touch {ready}; while :; do sleep 0.05; done"
    srun.start({"n1": task}, tasks=1, nodes=1)
    wait_for(ready.exists, 60, "the task is ready")
    limit = {"time_limit_s": int(time.monotonic() - began) + 122}
    product.call("POST", f"/v1/jobs/{srun.job_id}/update", limit)

    srun.finish()
    row = srun.ended()

    assert (row["exit_code"], row["job_state"]) == (5, "RUNNING")


@pytest.mark.root
@pytest.mark.parametrize(("last", "state"), [("exit 0", "COMPLETED"), ("exit 1", "OUT_OF_MEMORY")])
def test_a_step_without_memory_is_no_failure_of_a_script_that_goes_on(
    begin: Begin, product: Product, last: str, state: str
) -> None:
    if not product.facts["enforcement"]["memory"].startswith("cgroup"):
        pytest.skip("nothing is killed for want of memory here")
    flag = product.state.parent / f"after-{state}"
    srun = begin(f"while [ ! -e {flag} ]; do sleep 0.05; done; {last}")
    srun.start({"n1": "exec python3 -c 'bytearray(3 << 30)'"}, tasks=1, nodes=1)

    srun.finish()
    row = srun.ended()
    flag.touch()

    assert (row["state"], row["signal"]) == ("OUT_OF_MEMORY", 9)
    assert product.until(srun.job_id)["state"] == state


def test_a_table_of_steps_refuses_what_it_does_not_know(product: Product) -> None:
    for wrong in ("columns=nme", "state=PENDING", "job=x", "task=1"):
        with pytest.raises(Refused) as refused:
            product.call("GET", f"/v1/tables/steps?{wrong}")
        assert refused.value.status == 400
    assert product.call("GET", "/v1/tables/steps?job=999999")["rows"] == []


def test_a_step_goes_on_while_the_daemon_is_away(begin: Begin, product: Product) -> None:
    srun = begin()
    flag = product.state.parent / "away"
    srun.start({"n1": f"while [ ! -e {flag} ]; do sleep 0.05; done; exit 4"}, tasks=1, nodes=1)
    first = srun.connections.pop()
    srun.start({"n2": "exec sleep 1000"}, tasks=1, nodelist=["n2"])

    product.kill()
    flag.touch()
    hear_out(first)
    product.start()

    row = srun.ended()
    assert (row["state"], row["exit_code"]) == ("FAILED", 4)
    assert srun.row(1)["state"] == "RUNNING"
    assert srun.start({"n1": "exit 0"}, tasks=1, nodelist=["n1"])["step"] == 2


def test_a_step_goes_on_over_a_killed_launcher(begin: Begin, product: Product) -> None:
    srun = begin()
    flag = product.state.parent / "flag"
    srun.start({"n1": f"while [ ! -e {flag} ]; do sleep 0.05; done; exit 6"}, tasks=1, nodes=1)
    before = product.keepers()

    product.kill_all("launcher")
    wait_for(lambda: len(product.keepers()) == 2 and product.keepers() != before, 60, "it is back")
    flag.touch()
    srun.finish()
    row = srun.ended()

    assert (row["state"], row["exit_code"]) == ("FAILED", 6)
    assert row["cpu_s"] is not None


def test_a_job_reads_its_input_from_a_file(product: Product) -> None:
    given = product.state.parent / "input-all"
    given.write_text("what was asked\n")

    job_id = product.submit(["cat"], stdin="input-%x", name="all", working_dir=str(given.parent))
    missing = product.submit(["cat"], stdin="nowhere", working_dir=str(given.parent))
    fifo = given.parent / "fifo"
    os.mkfifo(fifo)
    never = product.submit(["cat"], stdin=str(fifo))

    assert product.until(job_id)["state"] == "COMPLETED"
    assert product.log(job_id) == b"what was asked\n"
    assert "it does not exist" in product.until(missing)["cause"]
    assert "it is a FIFO" in product.until(never)["cause"]


def test_an_allocation_may_be_held_by_a_driver(product: Product) -> None:
    job_id = product.submit(["true"], kind="driver")

    assert product.until(job_id)["kind"] == "driver"

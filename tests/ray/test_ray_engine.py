"""The Ray engine over three real nodes: jobs run, are found again, and outlive Ray (F24 to F27)."""

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from launchyard.engine.channel import UserHelpers
from launchyard.engine.protocol import EngineConnected, EngineLost, LaunchTaken, NodeFailed
from launchyard.model.session import UnixTarget
from tests.ray.lab import Lab
from tests.ray.running import Running, running

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(400)]

Body = Callable[[Running], Awaitable[None]]


def run(lab: Lab, body: Body) -> None:
    async def inside() -> None:
        async with running(lab) as made:
            await body(made)

    asyncio.run(asyncio.wait_for(inside(), 350))


def said_by(lab: Lab, program: str) -> str:
    """What another program of the cluster prints."""
    done = subprocess.run(
        [lab.python, "-c", program], env=lab.environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_jobs_run_on_each_node_and_their_logs_are_read_there(lab: Lab) -> None:
    async def body(made: Running) -> None:
        orders = [made.launch(node, "sh", "-c", "echo here $RAY_ADDRESS; exit 7") for node in range(3)]
        made.engine.start(orders)
        await made.until(lambda: made.have_ended(orders))
        assert {made.ends()[one.launch_id].exit.exit_code for one in orders} == {7}
        for order in orders:
            (taken,) = [one for one in made.of(LaunchTaken) if one.launch_id == order.launch_id]
            assert taken.log is not None
            helpers = UserHelpers(made.engine, node=order.node)
            part = await helpers.read(0, taken.log, 0, 1000)
            assert part.data == f"here {lab.address}\n".encode()
            helpers.close()

    run(lab, body)


def test_socket_that_a_job_listens_on_is_reached_through_its_node(lab: Lab) -> None:
    path = lab.directory / f"session-{secrets.token_hex(4)}.sock"
    program = (
        "import os, socket; s=socket.socket(socket.AF_UNIX); "
        # It has its name once it is listened on.
        f"s.bind({str(path)!r} + '.new'); s.listen(); os.rename({str(path)!r} + '.new', {str(path)!r}); "
        "c=s.accept()[0]; c.sendall(c.recv(5)[::-1])"
    )

    async def body(made: Running) -> None:
        made.engine.start([order := made.launch(1, "python3", "-c", program)])
        await made.until(path.exists)
        fd = await made.engine.reach(order.node, 0, UnixTarget(path=str(path)))
        reader, writer = await asyncio.open_connection(sock=_socket(fd))
        writer.write(b"olleh")
        assert await reader.readexactly(5) == b"hello"
        writer.close()
        await made.until(lambda: order.launch_id in made.ends())

    run(lab, body)


def test_jobs_outlive_bridge_and_agents(lab: Lab) -> None:
    async def body(made: Running) -> None:
        marks = [lab.directory / f"go-{secrets.token_hex(4)}" for _ in range(3)]
        orders = [
            made.launch(node, "sh", "-c", f"while ! test -e {mark}; do sleep 0.05; done; exit 3")
            for node, mark in enumerate(marks)
        ]
        made.engine.start(orders)
        await made.until(lambda: made.started() >= {one.launch_id for one in orders})
        for member in made.engine._nodes.of.values():
            os.kill(member.facts["pid"], signal.SIGKILL)
        os.kill(made.bridge_pid(), signal.SIGKILL)
        await made.until(lambda: bool(made.of(EngineLost)))
        await made.until(lambda: len(made.of(EngineConnected)) == 2)
        for mark in marks:
            mark.touch()
        await made.until(lambda: made.have_ended(orders))
        assert {made.ends()[one.launch_id].exit.exit_code for one in orders} == {3}
        assert len({one.epoch for one in made.of(EngineConnected)}) == 1

    run(lab, body)


def test_node_that_is_killed_has_failed_soon_and_is_fenced_when_it_is_back(lab: Lab) -> None:
    """F24: what it ran is killed before it takes new work."""
    pid_file = lab.directory / f"fenced-{secrets.token_hex(4)}.pid"

    async def body(made: Running) -> None:
        order = made.launch(2, "sh", "-c", f"echo $$ > {pid_file}; exec sleep 1000")
        made.engine.start([order])
        await made.until(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
        pid = int(pid_file.read_text())
        lab.kill_node(2)
        await made.until(lambda: bool(made.of(NodeFailed)), within_s=30)
        assert made.of(NodeFailed)[0].node == lab.name(2)
        assert made.up() == 2
        assert not gone(pid)
        lab.start_node(2)
        await made.until(lambda: made.up() == 3)
        assert gone(pid)
        assert order.launch_id not in made.ends()
        made.engine.start([again := made.launch(2, "true")])
        await made.until(lambda: again.launch_id in made.ends())

    run(lab, body)


def test_another_program_of_the_cluster_cannot_give_orders_to_an_agent(lab: Lab) -> None:
    """Threats 34 and 35."""
    program = f"""
import json, ray
ray.init(address={lab.address!r}, log_to_driver=False, logging_level="ERROR")
from ray.util import list_named_actors
(found, *_) = [one for one in list_named_actors(all_namespaces=True) if one["name"].startswith("agent-")]
agent = ray.get_actor(found["name"], namespace=found["namespace"])
said = []
for call in (
    lambda: ray.get(agent.adopt.remote(b"x" * 32)),
    lambda: ray.get(agent.push.remote(b"x" * 32, b"y" * 64)),
    lambda: ray.get(agent.push.remote(ray.get(agent.greet.remote(b"n" * 32))[0], b"y" * 64)),
    lambda: ray.get(agent.pull.remote(ray.get(agent.greet.remote(b"n" * 32))[0], b"y" * 64)),
):
    try:
        call()
        said.append("obeyed")
    except Exception as error:
        said.append(type(error).__name__)
print(json.dumps(said))
"""

    async def body(made: Running) -> None:
        said = json.loads((await asyncio.to_thread(said_by, lab, program)).splitlines()[-1])
        assert len(said) == 4
        assert not any(one == "obeyed" for one in said)
        made.engine.start([order := made.launch(0, "true")])
        await made.until(lambda: order.launch_id in made.ends())

    run(lab, body)


def test_head_that_is_killed_takes_no_job_with_it(lab: Lab) -> None:
    """F27: the jobs go on under launchers that Ray does not know, and their ends are those they had."""

    async def body(made: Running) -> None:
        mark = lab.directory / f"back-{secrets.token_hex(4)}"
        orders = [
            made.launch(node, "sh", "-c", f"while ! test -e {mark}; do sleep 0.05; done; exit 5")
            for node in range(3)
        ]
        made.engine.start(orders)
        await made.until(lambda: made.started() >= {one.launch_id for one in orders})
        for node in (2, 1, 0):
            lab.kill_node(node)
        await made.until(lambda: bool(made.of(EngineLost)))
        for node in range(3):
            await asyncio.to_thread(lab.start_node, node)
        mark.touch()
        await made.until(lambda: made.have_ended(orders))
        assert {made.ends()[one.launch_id].exit.exit_code for one in orders} == {5}

    run(lab, body)


def _socket(fd: int) -> socket.socket:
    return socket.socket(fileno=fd)

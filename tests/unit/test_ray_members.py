"""The nodes of a Ray cluster as the engine keeps them, without Ray: who serves, who failed, what is told."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from launchyard.engine.protocol import (
    EngineConnected,
    EngineLost,
    EngineReport,
    Launch,
    LaunchEnded,
    LaunchMainEnded,
    LaunchStarted,
    LaunchTaken,
    NodeFailed,
    NodesChanged,
)
from launchyard.engine.ray import members
from launchyard.engine.ray.link import Dial, NodeLink
from launchyard.engine.ray.member import node_of
from launchyard.engine.ray.members import Members
from launchyard.engine.ray.remembered import Remembered
from launchyard.model.event import Exited
from launchyard.model.node import Node, NodeState

TURN_S = 0.005


class Link(NodeLink):
    """A launcher that does what the test says, and remembers its orders."""

    def __init__(self, node: Node, cpus: tuple[int, ...], dial: Dial) -> None:
        super().__init__(node, cpus, dial)
        self.started: list[str] = []
        self.stopped: list[tuple[str, int]] = []
        self.acknowledged: list[int] = []
        self.runs: set[str] = set()
        self.dropped = False

    def begin(self, report: Callable[[Sequence[EngineReport]], None]) -> None:
        self._report = report

    def hello(self, epoch: str = "e", known: Sequence[str] = ()) -> None:
        self._answering = True
        self._report([EngineConnected(epoch=epoch, known=frozenset(known))])

    def lose(self) -> None:
        self._answering = False
        self._report([EngineLost(since=0)])

    def report(self, *reports: EngineReport) -> None:
        self._report(reports)

    def start(self, launches: Sequence[Launch]) -> None:
        self.started += [one.launch_id for one in launches]

    def stop(self, launch_id: str, *, signal: int, grace_s: float) -> None:
        self.stopped.append((launch_id, signal))

    def acknowledge(self, token: int) -> None:
        self.acknowledged.append(token)

    async def usage(self, launch_ids: Sequence[str] | None = None) -> Mapping[str, Mapping[str, float]]:
        return {one: {} for one in launch_ids or () if one in self.runs}

    async def drop(self) -> None:
        self.dropped = True

    async def close(self) -> None:
        self.dropped = True


class Cluster:
    """The members, the links that they made, and all that was reported."""

    def __init__(self, directory: Path) -> None:
        self.remembered = Remembered(directory)
        self.links: dict[str, list[Link]] = {}
        self.reports: list[EngineReport] = []
        self.freed: list[str] = []
        self.members = Members(
            "big",
            self.remembered,
            dial=lambda name: _no_dial,
            refuse=lambda agent: "it is root's" if agent["uid"] == 7 else None,
            freed=self.freed.append,
            clock=lambda: 100.0,
            link=self._link,
        )
        self.members.report = self.reports.extend

    def _link(self, node: Node, cpus: tuple[int, ...], dial: Dial) -> Link:
        made = Link(node, cpus, dial)
        self.links.setdefault(node.name, []).append(made)
        return made

    def link(self, name: str) -> Link:
        return self.links[name][-1]

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.reports if isinstance(one, kind)]

    def told(self, *names: str, dead: Sequence[str] = (), uid: int = 0) -> None:
        self.members.told(
            [ray_node(name, uid=uid) for name in names] + [ray_node(name, alive=False) for name in dead]
        )

    def serve(self, *names: str) -> None:
        """All of them come for the first time."""
        self.members.begin()
        self.members.joined()
        self.told(*names)
        for name in names:
            self.link(name).hello()

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = asyncio.get_running_loop().time() + 60
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, self.reports
            await asyncio.sleep(TURN_S)


async def _no_dial() -> Any:
    raise ConnectionRefusedError


def ray_node(name: str, *, alive: bool = True, uid: int = 0) -> dict[str, Any]:
    agent = {"directory": f"/nodes/{name}", "uid": uid, "cpus": [0, 1]} if alive else {}
    told = {"name": name, "alive": alive, "address": "10.0.0.1", "cpus": 4, "memory_mib": 1000, "gpus": 0}
    return {**told, "gpu_type": "", "why": "" if alive else "the raylet was killed", "agent": agent}


def order(launch_id: str, node: str = "a") -> Launch:
    return Launch(
        launch_id=launch_id,
        job_id=1,
        uid=1000,
        node=node,
        argv=("true",),
        environment={},
        working_dir="/",
        spool_log=f"{launch_id}.log",
    )


def ended(launch_id: str, number: int) -> LaunchEnded:
    return LaunchEnded(launch_id=launch_id, exit=Exited(at=1, exit_code=0), token=number)


def run(body: Callable[[Cluster], Awaitable[None]], directory: Path) -> None:
    async def inside() -> None:
        cluster = Cluster(directory)
        await body(cluster)
        await cluster.members.close()

    asyncio.run(inside())


def test_cluster_answers_once_all_of_its_nodes_have_come(tmp_path: Path) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.members.begin()
        cluster.members.joined()
        cluster.told("a", "b")
        cluster.link("a").hello(known=["x"])
        assert not cluster.of(EngineConnected)
        cluster.link("b").hello()
        await cluster.until(lambda: bool(cluster.of(EngineConnected)))

    run(body, tmp_path)


def test_nodes_are_told_of_with_what_ray_counts(tmp_path: Path) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.serve("a")
        (node,) = cluster.of(NodesChanged)[-1].nodes
        assert (node.name, node.cpus, node.memory_mib, node.cluster) == ("a", 4, 1000, "big")
        assert (node.state, node.pinned) == (NodeState.UP, False)

    run(body, tmp_path)


def test_labels_that_nodes_were_given_are_features_also_while_the_cluster_is_away(tmp_path: Path) -> None:
    told = {**ray_node("n1"), "labels": {"zone": "a", "big": "", "ray.io/node-id": "f00"}}
    node = node_of(told, "big", told["agent"])
    assert node.features == ("big", "zone=a")
    Remembered(tmp_path).came(node, "e1")
    assert Remembered(tmp_path).model("n1").features == ("big", "zone=a")


def test_order_that_a_broken_connection_lost_is_given_again_and_its_stop_too(tmp_path: Path) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.serve("a")
        cluster.members.start([order("x"), order("y")])
        cluster.members.stop("y", signal=signal.SIGTERM, grace_s=5)
        link = cluster.link("a")
        link.lose()
        link.hello(known=["x"])
        assert link.started == ["x", "y", "y"]
        assert link.stopped == [("y", signal.SIGTERM), ("y", signal.SIGTERM)]
        assert not cluster.of(EngineLost)

    run(body, tmp_path)


def test_repeated_report_has_the_token_that_it_had(tmp_path: Path) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.serve("a", "b")
        cluster.link("a").report(LaunchStarted(launch_id="x", at=1, token=3))
        cluster.link("b").report(LaunchStarted(launch_id="y", at=1, token=3))
        cluster.link("a").lose()
        cluster.link("a").hello(known=["x"])
        cluster.link("a").report(LaunchStarted(launch_id="x", at=1, token=3))
        assert [one.token for one in cluster.of(LaunchStarted)] == [1, 2, 1]
        cluster.members.acknowledge(2)
        assert (cluster.link("a").acknowledged, cluster.link("b").acknowledged) == ([3], [3])

    run(body, tmp_path)


def test_node_that_ray_gives_up_has_failed_and_is_fenced_when_it_returns(tmp_path: Path) -> None:
    """F24."""

    async def body(cluster: Cluster) -> None:
        cluster.serve("a", "b")
        cluster.members.start([order("x")])
        cluster.link("a").report(LaunchStarted(launch_id="x", at=1, token=1))
        cluster.told("b", dead=["a"])
        assert cluster.of(NodeFailed) == [NodeFailed(node="a", why="the raylet was killed")]
        assert cluster.freed == ["x"]

        cluster.told("a", "b")
        back = cluster.link("a")
        back.runs = {"x"}
        back.hello(known=["x", "long-ended"])
        await cluster.until(lambda: ("x", signal.SIGKILL) in back.stopped)
        down = cluster.of(NodesChanged)[-1].nodes[0]
        assert (down.name, down.state) == ("a", NodeState.DOWN)
        back.report(ended("x", 2))
        await cluster.until(lambda: cluster.of(NodesChanged)[-1].nodes[0].state is NodeState.UP)
        assert not cluster.of(LaunchEnded)
        assert back.acknowledged == [2]

    run(body, tmp_path)


def test_node_is_fenced_also_when_ends_overtake_the_answer_of_what_runs(tmp_path: Path) -> None:
    """On a busy machine both come in one piece, and the answer was made before."""

    async def body(cluster: Cluster) -> None:
        cluster.serve("a")
        cluster.told(dead=["a"])
        cluster.told("a")
        back = cluster.link("a")
        back.runs = {"x", "y"}
        back.hello(known=["x", "y", "long-ended"])
        back.report(ended("x", 1))
        await cluster.until(lambda: ("y", signal.SIGKILL) in back.stopped)
        back.report(ended("y", 2))
        await cluster.until(lambda: cluster.of(NodesChanged)[-1].nodes[0].state is NodeState.UP)

    run(body, tmp_path)


def test_node_is_fenced_until_what_a_main_process_left_is_gone_too(tmp_path: Path) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.serve("a")
        cluster.told(dead=["a"])
        cluster.told("a")
        back = cluster.link("a")
        back.hello(known=["x"])
        back.report(LaunchMainEnded(launch_id="x"))
        await cluster.until(lambda: ("x", signal.SIGKILL) in back.stopped)
        turns = count()
        await cluster.until(lambda: next(turns) > 3 * members.FENCE_PAUSE_S / TURN_S)
        assert cluster.of(NodesChanged)[-1].nodes[0].state is NodeState.DOWN
        back.report(ended("x", 1))
        await cluster.until(lambda: cluster.of(NodesChanged)[-1].nodes[0].state is NodeState.UP)

    run(body, tmp_path)


def test_node_whose_agent_stays_away_has_failed(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(members, "SILENT_S", 0.05)
    monkeypatch.setattr(members, "LOOK_S", 0.01)

    async def body(cluster: Cluster) -> None:
        cluster.serve("a")
        cluster.link("a").lose()
        await cluster.until(lambda: bool(cluster.of(NodeFailed)) and cluster.link("a").dropped)

    run(body, tmp_path)


def test_bridge_that_ends_is_told_as_lost_and_what_ran_is_known_when_it_is_back(tmp_path: Path) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.serve("a")
        cluster.members.start([order("x")])
        cluster.link("a").lose()
        cluster.members.lost()
        assert cluster.of(EngineLost) == [EngineLost(since=100.0)]
        cluster.members.joined()
        cluster.told("a")
        cluster.link("a").hello(known=["x"])
        cluster.link("a").report(ended("x", 1))
        first, second = cluster.of(EngineConnected)
        assert first.epoch == second.epoch
        assert second.known == {"x"}
        assert cluster.reports.index(second) < cluster.reports.index(cluster.of(LaunchEnded)[0])

    run(body, tmp_path)


def test_order_that_a_dead_bridge_lost_is_given_again_when_the_cluster_is_back(tmp_path: Path) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.serve("a")
        cluster.members.start([order("x")])
        cluster.link("a").lose()
        cluster.members.lost()
        cluster.members.joined()
        cluster.told("a")
        cluster.link("a").hello()
        assert cluster.link("a").started == ["x", "x"]
        assert cluster.of(EngineConnected)[1].known == {"x"}

    run(body, tmp_path)


def test_daemon_that_comes_back_waits_for_the_nodes_that_it_had(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(members, "AWAY_S", 0.1)
    monkeypatch.setattr(members, "LOOK_S", 0.01)

    async def first(cluster: Cluster) -> None:
        cluster.serve("a", "b")

    async def second(cluster: Cluster) -> None:
        cluster.members.begin()
        cluster.members.joined()
        cluster.told("a")
        cluster.link("a").hello(known=["x"])
        assert not cluster.of(EngineConnected)
        await cluster.until(lambda: bool(cluster.of(EngineConnected)))
        failed, connected = cluster.of(NodeFailed)[0], cluster.of(EngineConnected)[0]
        assert (failed.node, failed.why) == ("b", "it is not in the Ray cluster")
        assert cluster.reports.index(failed) < cluster.reports.index(connected)
        assert connected.known == {"x"}

    run(first, tmp_path)
    run(second, tmp_path)


def test_launch_that_ended_before_all_nodes_were_back_is_known_and_then_its_end_is_told(
    tmp_path: Path,
) -> None:
    """F1: else it would be lost, since a launch that is not known any more was never seen to end."""

    async def before(cluster: Cluster) -> None:
        cluster.serve("a", "b")
        cluster.link("a").report(LaunchStarted(launch_id="x", at=1, token=1))

    async def after(cluster: Cluster) -> None:
        cluster.members.begin()
        cluster.members.joined()
        cluster.told("a", "b")
        cluster.link("a").hello(known=["x"])
        cluster.link("a").report(ended("x", 2))
        assert not cluster.reports
        cluster.link("b").hello()
        kinds = [type(one) for one in cluster.reports if not isinstance(one, NodesChanged | NodeFailed)]
        assert kinds == [EngineConnected, LaunchEnded]
        assert cluster.of(EngineConnected)[0].known == {"x"}

    run(before, tmp_path)
    run(after, tmp_path)


def test_journal_that_is_another_makes_another_epoch_and_loses_what_was_there(tmp_path: Path) -> None:
    """F27."""

    async def body(cluster: Cluster) -> None:
        cluster.serve("a")
        cluster.members.start([order("x")])
        cluster.link("a").report(LaunchStarted(launch_id="x", at=1, token=1))
        cluster.link("a").lose()
        cluster.link("a").hello(epoch="another")
        (end,) = cluster.of(LaunchEnded)
        assert (end.launch_id, end.exit.lost) == ("x", True)
        before, after = cluster.of(EngineConnected)
        assert before.epoch != after.epoch

    run(body, tmp_path)


def test_node_that_joins_later_is_one_node_more_and_no_other_epoch(tmp_path: Path) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.serve("a")
        cluster.told("a", "b")
        cluster.link("b").hello(epoch="of b")
        assert len(cluster.of(EngineConnected)) == 1
        assert [node.name for node in cluster.of(NodesChanged)[-1].nodes] == ["a", "b"]

    run(body, tmp_path)


def test_node_that_is_refused_is_shown_with_the_reason(tmp_path: Path) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.members.begin()
        cluster.members.joined()
        cluster.told("a", uid=7)
        (node,) = cluster.of(NodesChanged)[-1].nodes
        assert (node.state, node.reason) == (NodeState.DOWN, "it is root's")
        assert cluster.members.refused() == {"a": "it is root's"}
        assert not cluster.links

    run(body, tmp_path)


def test_launch_for_a_node_that_left_is_lost_with_its_node(tmp_path: Path) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.serve("a")
        cluster.members.start([order("x", node="gone")])
        (end,) = cluster.of(LaunchEnded)
        assert (end.exit.lost, end.exit.node_lost) == (True, True)

    run(body, tmp_path)


def test_launch_is_told_with_where_its_log_is(tmp_path: Path) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.serve("a")
        cluster.members.start([order("x")])
        (taken,) = cluster.of(LaunchTaken)
        assert (taken.engine_id, taken.log) == ("a:x", "/nodes/a/spool/1000/x.log")

    run(body, tmp_path)

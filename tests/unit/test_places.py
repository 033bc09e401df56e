"""Where a job's files are: on this machine, or on the node of a cluster with a way into its nodes."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from launchyard.engine.fake import FakeEngine
from launchyard.engine.gateway import Outpost
from launchyard.engine.places import Places, node_of
from launchyard.model.job import Attempt, Job, JobKind, PastAttempt
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.session import Target, UnixTarget
from launchyard.model.state import JobState


class Elsewhere(FakeEngine):
    """An engine that is a gateway."""

    furnishes = True

    def at(self, node: str, launch_id: str, *, inside: bool) -> str | None:
        """Here files are shared by the nodes whose names begin so."""
        return node if inside or not node.startswith("shared") else None

    def spool(self, node: str, uid: int) -> str:
        return f"/nodes/{node}/spool/{uid}"

    def outpost(self, node: str) -> Outpost | None:
        return Outpost(state=f"/nodes/{node}", package="/nodes/code", python="/usr/bin/python3")

    async def reach(self, node: str, uid: int, target: Target) -> int:
        return 77

    async def step(self, *_: object) -> Any: ...

    async def usage(self, launch_ids: Sequence[str] | None = None) -> Mapping[str, Mapping[str, float]]:
        return {"there": {"cpu_s": 2}}


class Host(Elsewhere):
    async def usage(self, launch_ids: Sequence[str] | None = None) -> Mapping[str, Mapping[str, float]]:
        return {"here": {"cpu_s": 1}}


def places() -> Places:
    return Places(Host(()), "/state/spool", {"big": Elsewhere(()), "local": FakeEngine(())})


def job(cluster: str, *, node: str | None = None, past: tuple[PastAttempt, ...] = ()) -> Job:
    attempt = None
    if node is not None:
        allocation = Allocation(shares=(NodeShare(node=node, cpus_milli=1000, memory_mib=1),))
        attempt = Attempt(number=1, launch_id="l", epoch="e", allocation=allocation, allocated_at=0)
    return Job(
        id=1,
        name="j",
        kind=JobKind.COMMAND,
        user="ada",
        uid=1000,
        partition="p",
        submitted_at=0,
        cluster=cluster,
        attempt=attempt,
        past=past,
    )


def test_job_of_this_machine_is_here() -> None:
    found = places().of(job("local", node="n1"))
    assert (found.spool, isinstance(found.engine, Host)) == ("/state/spool/1000", True)


def test_job_of_a_gateway_is_on_its_node_and_has_helpers_of_that_node() -> None:
    all_places = places()
    found = all_places.of(job("big", node="n1"))
    assert found.spool == "/nodes/n1/spool/1000"
    assert found.helpers is all_places.of(job("big", node="n1")).helpers
    assert found.helpers is not all_places.of(job("big", node="n2")).helpers


def test_files_that_the_nodes_share_are_read_here_and_processes_are_where_they_run() -> None:
    all_places = places()
    on_node = job("big", node="shared1")
    assert all_places.of(on_node).helpers is all_places.helpers
    assert all_places.inside(on_node).helpers is not all_places.helpers


def test_job_that_has_no_node_yet_is_nowhere_else() -> None:
    assert places().of(job("big")).spool == "/state/spool/1000"


def test_job_that_waits_again_is_where_it_was_last() -> None:
    past = PastAttempt(number=1, launch_id="l", state=JobState.NODE_FAIL, nodes=("n3",))
    assert node_of(job("big", past=(past,))) == "n3"


def test_session_is_reached_through_the_gateway_of_its_cluster() -> None:
    found = asyncio.run(places().reach(job("big", node="n1"), 1000, UnixTarget(path="/s")))
    assert found == 77


def test_what_is_used_now_is_that_of_all_clusters() -> None:
    assert asyncio.run(places().usage()) == {"here": {"cpu_s": 1}, "there": {"cpu_s": 2}}

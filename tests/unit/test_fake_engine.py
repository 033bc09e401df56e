"""The fake engine records, obeys its script and repeats what was not acknowledged."""

import asyncio
from collections.abc import Sequence

from launchyard.engine.fake import AcknowledgeOrder, FakeEngine, Obedience, StopOrder
from launchyard.engine.protocol import (
    EngineConnected,
    EngineLost,
    EngineReport,
    Launch,
    LaunchEnded,
    LaunchStarted,
)


def launch(launch_id: str) -> Launch:
    return Launch(
        launch_id=launch_id,
        job_id=1,
        uid=1000,
        node="node",
        argv=("true",),
        environment={},
        working_dir="/",
        spool_log="1.log",
    )


async def opened(engine: FakeEngine) -> list[EngineReport]:
    reports: list[EngineReport] = []

    def report(batch: Sequence[EngineReport]) -> None:
        reports.extend(batch)

    await engine.open(report)
    await asyncio.sleep(0)
    return reports


def test_orders_are_recorded_in_order_and_nothing_happens_of_itself() -> None:
    async def scenario() -> None:
        engine = FakeEngine()
        reports = await opened(engine)
        engine.start([launch("a"), launch("b")])
        engine.stop("a", signal=15, grace_s=5)
        await asyncio.sleep(0)
        assert engine.orders == [launch("a"), launch("b"), StopOrder(launch_id="a", signal=15, grace_s=5)]
        assert reports == [EngineConnected(epoch="epoch-1", known=frozenset())]

    asyncio.run(scenario())


def test_reports_never_come_from_inside_a_call_and_come_as_one_batch() -> None:
    async def scenario() -> None:
        engine = FakeEngine(obedience=Obedience.COMPLETE, now=lambda: 7.0)
        batches: list[Sequence[EngineReport]] = []
        await engine.open(batches.append)
        await asyncio.sleep(0)
        engine.start([launch("a")])
        assert len(batches) == 1
        await asyncio.sleep(0)
        started, ended = batches[1]
        assert started == LaunchStarted(launch_id="a", at=7.0, token=1)
        assert isinstance(ended, LaunchEnded)
        assert ended.exit.exit_code == 0

    asyncio.run(scenario())


def test_what_was_not_acknowledged_is_repeated_after_a_reconnect() -> None:
    async def scenario() -> None:
        engine = FakeEngine(obedience=Obedience.START)
        reports = await opened(engine)
        engine.start([launch("a"), launch("b")])
        await asyncio.sleep(0)
        engine.acknowledge(1)
        engine.lose()
        engine.start([launch("lost on the way")])
        engine.finish("b", exit_code=3)
        engine.reconnect()
        del reports[:]
        await asyncio.sleep(0)
        assert isinstance(reports[0], EngineLost)
        assert reports[1] == EngineConnected(epoch="epoch-1", known=frozenset({"a", "b"}))
        assert [type(report) for report in reports[2:]] == [LaunchStarted, LaunchEnded]
        assert AcknowledgeOrder(token=1) in engine.orders
        assert [order.launch_id for order in engine.dropped if isinstance(order, Launch)] == [
            "lost on the way"
        ]

    asyncio.run(scenario())


def test_a_launch_stopped_before_it_arrived_never_starts() -> None:
    async def scenario() -> None:
        engine = FakeEngine(obedience=Obedience.START)
        reports = await opened(engine)
        engine.stop("a", signal=15, grace_s=5)
        engine.start([launch("a")])
        await asyncio.sleep(0)
        assert isinstance(reports[-1], LaunchEnded)
        assert reports[-1].exit.error == "cancelled before it started"
        assert engine.starts == {"a": 0}

    asyncio.run(scenario())


def test_an_engine_with_a_new_journal_knows_nothing_of_before() -> None:
    async def scenario() -> None:
        engine = FakeEngine(obedience=Obedience.START)
        reports = await opened(engine)
        engine.start([launch("a")])
        await asyncio.sleep(0)
        engine.lose()
        engine.reconnect(epoch="epoch-2")
        await asyncio.sleep(0)
        assert reports[-1] == EngineConnected(epoch="epoch-2", known=frozenset())

    asyncio.run(scenario())

"""What the server tells of its own doings, and who said what of a node."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import cast

from launchyard.api.metrics import Metrics
from launchyard.api.routes.cluster import jobs_by_state, preempt_mode
from launchyard.api.tables.machine import machine
from launchyard.controller.controller import Controller
from launchyard.controller.counters import Counters
from launchyard.controller.tally import Tally
from launchyard.model.account import QOS, PreemptMode
from launchyard.model.array import Array, Indexes
from launchyard.model.event import StateChanged
from launchyard.model.node import NodeState
from launchyard.model.state import JobState as S
from launchyard.store.memory import MemoryStore
from tests.api_bench import ADA, job_of
from tests.unit.test_controller import lives
from tests.unit.yard import running_yard


def moved(state: S, previous: S | None) -> StateChanged:
    return StateChanged(1, 1, "ada", state, previous, 0.0, None)


def test_jobs_are_counted_by_what_became_of_them_until_the_counters_are_set_back() -> None:
    counters = Counters(100.0)
    counters.count([moved(S.PENDING, None), moved(S.STARTING, S.PENDING), moved(S.RUNNING, S.STARTING)])
    counters.count([moved(S.TIMEOUT, S.RUNNING), moved(S.CANCELLED, S.PENDING)])

    assert counters.jobs == {"submitted": 1, "started": 1, "completed": 0, "cancelled": 1, "failed": 1}
    counters.reset(200.0)
    assert (counters.since, sum(counters.jobs.values())) == (200.0, 0)


def test_the_wait_of_a_job_counts_also_if_it_ended_before_its_start_was_told() -> None:
    told: list[Callable[[Sequence[StateChanged]], object]] = []
    controller = SimpleNamespace(
        watch=told.append, depths={}, counters=Counters(0.0), live_job=lambda job_id: None
    )
    metrics = Metrics(cast("Controller", controller), lambda: False)
    for tell in told:
        tell([StateChanged(1, 1, "ada", S.RUNNING, S.STARTING, 105.0, None, 100.0)])

    waits = next(one for one in metrics.families() if one.name == "launchyard_wait_seconds")
    assert ("_sum", {}, 5.0) in list(waits.figures)


def test_tasks_that_wait_are_counted_as_waiting_while_others_of_their_array_run() -> None:
    array = Array(waiting=Indexes(((3, 9, 1),)), size=9, first=1, last=9)
    jobs = [job_of(ADA, 1, state=S.RUNNING, array=array), job_of(ADA, 2, state=S.RUNNING), job_of(ADA, 3)]

    tally = Tally()
    for job in jobs:
        tally.move(None, job)

    assert jobs_by_state(tally.depths) == {"PENDING": 8, "RUNNING": 1}


def test_passes_are_counted_with_the_last_the_longest_and_the_sum() -> None:
    counters = Counters(0.0)
    counters.cycle(1.0, 0.5, 10, 2)
    counters.cycle(2.0, 0.25, 8, 1)

    assert (counters.cycles, counters.last_s, counters.max_s, counters.total_s) == (2, 0.25, 0.5, 0.75)
    assert (counters.last_depth, counters.total_depth, counters.planned) == (8, 18, 3)


def test_how_jobs_make_room_is_the_mode_of_a_qos_that_another_preempts() -> None:
    normal = QOS(name="normal", preempt_mode=PreemptMode.CANCEL)

    assert preempt_mode({"normal": normal}) == "off"
    assert preempt_mode({"normal": normal, "high": QOS(name="high", preempts=("normal",))}) == "cancel"


def test_the_kernel_is_asked_of_the_machine() -> None:
    here = machine(5.0)

    assert here.os.startswith("Linux ")
    assert here.memory_free_mib is not None
    assert here.booted_at is not None
    assert here.served_since == 5.0


@lives
async def test_who_closed_a_node_and_when_is_kept_over_a_restart() -> None:
    store = MemoryStore()
    async with running_yard(store=store) as yard:
        await yard.controller.mark_node("node", NodeState.DRAIN, "new disk", "root")
        await yard.submit()
        assert yard.controller.counters.jobs["submitted"] == 1
        assert yard.controller.counters.cycles >= 1
    async with running_yard(store=store) as yard:
        (use,) = yard.controller.node_uses()
        assert (use.node.marked_by, use.node.marked_at) == ("root", 1_000_000.0)
        assert yard.controller.licences() == []

"""Where steps go within their job, and what they get."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.errors import Conflict, Infeasible, Invalid
from launchyard.model.job import Attempt, Job, JobKind
from launchyard.model.resources import Allocation, NodeShare, Request
from launchyard.model.step import Step, StepRequest, StepShare
from launchyard.slurm.placing import place


def share(node: str, cpus: int, *, gpus: int = 0, memory_mib: int = 1000, tasks: int = 1) -> NodeShare:
    return NodeShare(
        node=node,
        cpus_milli=cpus * 1000,
        memory_mib=memory_mib,
        cpu_ids=tuple(range(cpus)),
        gpu_ids=tuple(range(gpus)),
        tasks=tasks,
    )


def job_of(*shares: NodeShare, **asked: Any) -> Job:
    allocation = Allocation(shares=shares)
    attempt = Attempt(number=1, launch_id="l", epoch="e", allocation=allocation, allocated_at=0)
    cpus_milli = sum(one.cpus_milli for one in shares)
    request = Request(cpus_milli=cpus_milli, nodes=len(shares), **asked)
    plain: dict[str, Any] = {"user": "ada", "uid": 1, "partition": "all", "submitted_at": 0.0}
    return Job(id=1, name="j", kind=JobKind.BATCH, request=request, attempt=attempt, **plain)


def ask(**asked: Any) -> StepRequest:
    return StepRequest(connect="/s", **asked)


def step_of(number: int, shares: Sequence[StepShare]) -> Step:
    facts: dict[str, Any] = {"launch_id": "l", "user": "ada", "name": "s", "connect": "/s", "started_at": 0.0}
    return Step(job_id=1, attempt=1, number=number, shares=tuple(shares), **facts)


def tasks(shares: Sequence[StepShare]) -> dict[str, tuple[int, ...]]:
    return {one.node: one.tasks for one in shares}


def test_by_default_a_step_is_as_wide_as_its_job() -> None:
    job = job_of(share("n1", 3, tasks=3), share("n2", 1, tasks=1), tasks=4)

    found = place(ask(), job, ())

    assert tasks(found) == {"n1": (0, 1, 2), "n2": (3,)}
    assert [one.cpu_ids for one in found] == [(0, 1, 2), (0,)]


def test_one_task_of_a_job_of_one_task_has_all_its_cpus() -> None:
    (found,) = place(ask(tasks=1), job_of(share("n1", 8)), ())

    assert (found.cpus_milli, found.memory_mib) == (8000, 1000)


def test_more_tasks_than_the_job_has_take_one_cpu_each() -> None:
    assert tasks(place(ask(tasks=8), job_of(share("n1", 8)), ())) == {"n1": tuple(range(8))}


def test_nodes_are_those_of_the_list_and_as_many_as_asked() -> None:
    job = job_of(*(share(f"n{i}", 2) for i in (1, 2, 10)))

    assert list(tasks(place(ask(nodes=2), job, ()))) == ["n1", "n2"]
    assert list(tasks(place(ask(nodelist=("n10",)), job, ()))) == ["n10"]
    assert list(tasks(place(ask(nodes=2, nodelist=("n10",)), job, ()))) == ["n1", "n10"]
    assert list(tasks(place(ask(tasks=2), job, ()))) == ["n1", "n2"]
    assert tasks(place(ask(nodes=2, tasks_per_node=2), job, ())) == {"n1": (0, 1), "n2": (2, 3)}


def test_distributions_are_obeyed() -> None:
    job = job_of(share("n1", 2), share("n2", 2))

    assert tasks(place(ask(tasks=4, distribution="cyclic"), job, ())) == {"n1": (0, 2), "n2": (1, 3)}
    listed = ask(tasks=3, nodelist=("n2", "n1", "n2"), distribution="arbitrary", cpus_per_task_milli=1000)
    assert tasks(place(listed, job, ())) == {"n2": (0, 2), "n1": (1,)}
    with pytest.raises(Invalid, match="distribution 'round'"):
        place(ask(distribution="round"), job, ())


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (ask(tasks=9), "9 tasks of 1 CPU each are asked for, and job 1 has room for 4"),
        (ask(nodes=3), "3 nodes are asked for, and the job has 2"),
        (ask(nodelist=("n7",)), r"node 'n7' is not one of the job's: n\[1-2\]"),
        (ask(tasks=2, cpus_per_task_milli=3000), "2 nodes are asked for, and 0 have room"),
        (ask(gpus=5), "5 GPUs are asked for, and 2 are there"),
        (ask(memory_mib=5000), "have room"),
        (ask(tasks=200_000, cpus_per_task_milli=0), "at most 100000"),
    ],
)
def test_what_the_job_does_not_have_is_refused(wanted: StepRequest, sentence: str) -> None:
    job = job_of(share("n1", 2, gpus=1), share("n2", 2, gpus=1))
    with pytest.raises(Infeasible, match=sentence):
        place(wanted, job, ())


def test_steps_beside_each_other_have_their_own_cpus_gpus_and_memory() -> None:
    job = job_of(share("n1", 4, gpus=2), tasks=4)
    asked = ask(tasks=2, gpus=1, memory_mib=400)

    (first,) = place(asked, job, ())
    (second,) = place(asked, job, [step_of(0, [first])])

    assert (first.cpu_ids, second.cpu_ids) == ((0, 1), (2, 3))
    assert (first.gpu_ids, second.gpu_ids) == ((0,), (1,))
    both = [step_of(0, [first]), step_of(1, [second])]
    for wanted in (ask(tasks=1), ask(tasks=1, exclusive=False, gpus=1), ask(tasks=1, memory_mib=300)):
        with pytest.raises(Conflict) as busy:
            place(wanted, job, both)
        assert busy.value.code == "step-busy"
    (overlapping,) = place(ask(tasks=4, overlap=True, gpus=2), job, both)
    assert (overlapping.cpu_ids, overlapping.gpu_ids) == ((0, 1, 2, 3), (0, 1))


def test_any_number_of_tasks_shares_what_is_there_when_overcommitted() -> None:
    (found,) = place(ask(tasks=50, cpus_per_task_milli=0), job_of(share("n1", 2)), ())

    assert (len(found.tasks), found.cpus_milli, found.cpu_ids, found.keeps_cpus) == (50, 2000, (0, 1), False)


def test_a_step_of_whole_nodes_has_all_that_the_job_has_there() -> None:
    job = job_of(share("n1", 3, memory_mib=3000, tasks=3), share("n2", 1, tasks=1), tasks=4)

    (one,) = place(ask(tasks=1, whole_nodes=True), job, ())
    both = place(ask(tasks=2, whole_nodes=True, memory_mib=100), job, ())

    assert (one.node, one.tasks, one.cpu_ids, one.memory_mib) == ("n1", (0,), (0, 1, 2), 3000)
    assert [(part.tasks, part.cpus_milli, part.memory_mib) for part in both] == [
        ((0,), 3000, 100),
        ((1,), 1000, 100),
    ]
    with pytest.raises(Infeasible, match="5 tasks"):
        place(ask(tasks=5, whole_nodes=True), job, ())


def test_a_task_of_whole_nodes_needs_one_cpu_or_what_a_task_of_the_job_has_if_less() -> None:
    assert len(place(ask(tasks=4, whole_nodes=True), job_of(share("n1", 4)), ())[0].tasks) == 4
    assert len(place(ask(whole_nodes=True), job_of(share("n1", 2, tasks=4), tasks=4), ())[0].tasks) == 4


def test_steps_of_whole_nodes_have_a_node_each_or_wait() -> None:
    job = job_of(share("n1", 2), share("n2", 2))
    whole = ask(tasks=1, whole_nodes=True)

    first = place(whole, job, ())
    second = place(whole, job, [step_of(0, first)])

    assert [part.node for part in (*first, *second)] == ["n1", "n2"]
    one = ask(tasks=1, cpus_per_task_milli=1000)
    beside = [step_of(0, first), step_of(1, place(one, job, [step_of(0, first)]))]
    for wanted in (whole, ask(tasks=9, cpus_per_task_milli=0, whole_nodes=True)):
        with pytest.raises(Conflict) as busy:
            place(wanted, job, beside)
        assert busy.value.code == "step-busy"
    (over,) = place(ask(tasks=1, whole_nodes=True, overlap=True), job, beside)
    assert (over.cpu_ids, over.keeps_cpus) == ((0, 1), False)
    assert place(whole, job, [step_of(0, [over])])[0].node == "n1"


def test_overcommitted_tasks_of_whole_nodes_keep_them() -> None:
    job = job_of(share("n1", 2))
    (found,) = place(ask(tasks=9, cpus_per_task_milli=0, whole_nodes=True), job, ())
    assert (len(found.tasks), found.cpu_ids, found.keeps_cpus) == (9, (0, 1), True)


def test_memory_may_be_of_each_cpu() -> None:
    job = job_of(share("n1", 4, memory_mib=4002))

    (one,) = place(ask(tasks=2, cpus_per_task_milli=1000, memory_per_cpu_mib=0), job, ())
    (big,) = place(ask(tasks=1, cpus_per_task_milli=1000, memory_per_cpu_mib=3500), job, ())
    (whole,) = place(ask(tasks=1, whole_nodes=True, memory_per_cpu_mib=50), job, ())

    assert [(part.memory_mib, part.keeps_memory) for part in (one, big, whole)] == [
        (2000, True),
        (3500, True),
        (200, True),
    ]
    with pytest.raises(Conflict):
        place(ask(tasks=1, cpus_per_task_milli=1000, memory_per_cpu_mib=0), job, [step_of(0, [big])])
    with pytest.raises(Infeasible):
        place(ask(tasks=2, cpus_per_task_milli=1000, memory_per_cpu_mib=2500), job, ())


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.lists(
        st.one_of(
            st.builds(ask, tasks=st.integers(1, 6), cpus_per_task_milli=st.just(1000)),
            st.builds(ask, tasks=st.integers(1, 6), whole_nodes=st.just(True)),
        ),
        max_size=8,
    ),
)
def test_no_two_steps_get_the_same_cpu(cpus: list[int], wanted: list[StepRequest]) -> None:
    job, steps = job_of(*(share(f"n{i}", count) for i, count in enumerate(cpus))), list[Step]()
    for one in wanted:
        try:
            steps.append(step_of(len(steps), place(one, job, steps)))
        except (Infeasible, Conflict):
            continue
    given_out = [(part.node, cpu) for step in steps for part in step.shares for cpu in part.cpu_ids]
    assert len(given_out) == len(set(given_out))
    assert all(len(part.cpu_ids) >= len(part.tasks) for step in steps for part in step.shares)

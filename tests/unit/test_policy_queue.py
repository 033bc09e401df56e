"""The queue of waiting jobs is always what sorting its jobs anew would make of it."""

from hypothesis import given
from hypothesis import strategies as st

from launchyard.policy.limits import Party
from launchyard.policy.order import Key
from launchyard.policy.queue import Shape, WaitingQueue
from tests.unit.cluster import request

PARTIES = [None, Party("ada", "physics", "normal")]
PUT = st.tuples(
    st.integers(1, 12),
    st.sampled_from([1, 2, 3]),
    st.integers(0, 4),
    st.sampled_from(PARTIES),
    st.integers(1, 3),
)
DROP = st.tuples(st.integers(1, 12))


@given(st.lists(PUT | DROP, max_size=60))
def test_whatever_comes_moves_and_goes_all_stand_in_order(steps: list[tuple[object, ...]]) -> None:
    queue, plain = WaitingQueue(), dict[int, tuple[Shape, Key, int, Party | None]]()
    for step in steps:
        match step:
            case (int() as job_id, int() as cpus, int() as place, (None | Party()) as party, int() as count):
                plain[job_id] = (Shape("all", request(cpus), 60), (0.0, float(place)), count, party)
                queue.put(job_id, *plain[job_id])
            case (int() as job_id,):
                plain.pop(job_id, None)
                queue.drop(job_id)

    order = sorted(plain, key=lambda job_id: (plain[job_id][1], job_id))
    assert list(queue.in_order()) == order
    assert [queue.ahead(job_id) for job_id in order] == list(range(len(order)))
    assert queue.counts == {job_id: one[2] for job_id, one in plain.items()}
    lanes = {(lane.shape, lane.party): [job_id for _, job_id in lane.entries] for lane in queue.lanes()}
    names = {(one[0], one[3]) for one in plain.values()}
    assert lanes == {
        name: [job_id for job_id in order if (plain[job_id][0], plain[job_id][3]) == name] for name in names
    }

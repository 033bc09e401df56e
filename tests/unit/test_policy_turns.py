"""Jobs brought to the front take the place of the first of their own user, and nobody else's."""

from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.job import Job
from launchyard.model.rules import Order
from launchyard.policy.order import Key, Ordering, Totals
from launchyard.policy.turns import to_front
from tests.unit.cluster import T0, job, request

TOTALS = Totals(cpus_milli=64_000, memory_mib=64_000, gpus=4)
waiting = st.lists(
    st.tuples(
        st.sampled_from(["ada", "bob"]),
        st.integers(1, 64),
        st.sampled_from([60, 3600, 86_400]),
        st.integers(0, 5),
        st.sampled_from([0, 0, 100]),
    ),
    min_size=1,
    max_size=12,
)


def jobs_of(shapes: list[tuple[str, int, int, int, int]]) -> list[Job]:
    return [
        job(
            n,
            user=user,
            request=request(cpus),
            time_limit_s=limit_s,
            submitted_at=T0 + hours * 3600,
            nice=nice,
        )
        for n, (user, cpus, limit_s, hours, nice) in enumerate(shapes, start=1)
    ]


@given(waiting, st.data(), st.sampled_from(Order))
def test_job_goes_first_of_its_user_and_all_others_keep_their_places(
    shapes: list[tuple[str, int, int, int, int]], data: st.DataObject, order: Order
) -> None:
    ordering = Ordering(order=order, totals=TOTALS)

    def key_of(one: Job) -> Key:
        return ordering.key(one, 0, one.time_limit_s or 0, T0 + 10 * 3600)

    jobs = {one.id: one for one in jobs_of(shapes)}
    wanted = jobs[data.draw(st.sampled_from(sorted(jobs)))]
    before = sorted(jobs.values(), key=key_of)
    mine = [one for one in jobs.values() if one.user == wanted.user]
    jobs.update({one.id: one for one in to_front(wanted, mine, key_of)})
    after = sorted(jobs.values(), key=key_of)

    owners = [one.user for one in before]
    assert [one.user for one in after] == owners
    assert [one.id for one in after if one.user != wanted.user] == [
        one.id for one in before if one.user != wanted.user
    ]
    own = [one.id for one in before if one.user == wanted.user]
    own.remove(wanted.id)
    assert [one.id for one in after if one.user == wanted.user] == [wanted.id, *own]

"""What every store promises; a new adapter adds itself to `STORES` and writes no tests."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from launchyard.model.account import Spent
from launchyard.model.array import Array, Indexes, Task
from launchyard.model.change import Change, Idempotency, NodeMark
from launchyard.model.cron import Cron
from launchyard.model.crontab import Crontab
from launchyard.model.dependency import Clause, Dependency, DependencyKind
from launchyard.model.job import Attempt, Job, JobKind, Warning
from launchyard.model.node import NodeState
from launchyard.model.reservation import Reservation
from launchyard.model.resources import Allocation, NodeShare, Request, Usage
from launchyard.model.session import Session
from launchyard.model.sight import Sight
from launchyard.model.state import ENDED, JobState
from launchyard.model.step import RunnerEnd, Step, StepShare, StepState
from launchyard.model.token import Token
from launchyard.model.trigger import Happening, Trigger, Triggers
from launchyard.store.memory import MemoryStore
from launchyard.store.open import open_store
from launchyard.store.protocol import JobQuery, StepQuery, Store
from tests.often import often
from tests.postgresql import one_cluster, schema_of

STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda directory: open_store("memory:"),
    "sqlite": lambda directory: open_store(directory / "launchyard.db"),
    "postgresql": lambda directory: open_store(one_cluster().url(schema_of(directory))),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with closing(STORES[request.param](tmp_path)) as one:
        yield one


def job(job_id: int, **more: Any) -> Job:
    plain: dict[str, Any] = {
        "name": "job",
        "kind": JobKind.COMMAND,
        "user": "ada",
        "uid": 1000,
        "partition": "all",
        "submitted_at": 1000.0 + job_id,
    }
    return Job(id=job_id, **(plain | more))


def full_job(job_id: int) -> Job:
    """A job with every field set to something that is not its default."""
    return job(
        job_id,
        name='naïve "job" \n\t€🚀',
        kind=JobKind.BATCH,
        state=JobState.RUNNING,
        account="physics",
        qos="high",
        cluster="far",
        engine_id="77",
        group="sweep",
        nice=-5,
        request=Request(cpus_milli=500, memory_mib=2**40, gpus=2, nodes=3),
        time_limit_s=60,
        warning=Warning(signal=10, before_s=5),
        begin_at=1.5,
        held=True,
        dependency=Dependency(clauses=(Clause(kind=DependencyKind.AFTEROK, job_id=3, index=1),), any_of=True),
        requeue=True,
        command=("echo", "", "a b", "\x1b[0m", "\0"),
        script="s" * 64,
        environment="e" * 64,
        working_dir="/home/ada/ü",
        stdout="/out",
        stderr="/err",
        append=False,
        terminal=True,
        submission_id="raysubmit_1",
        metadata={"b": "2", "a": "1"},
        array=Array(
            waiting=Indexes(((1, 9, 2), (20, 20, 1))),
            size=6,
            first=1,
            last=20,
            throttle=2,
            counts={JobState.RUNNING: 1},
        ),
        task=Task(job_id=4, index=7),
        attempt=Attempt(
            number=1,
            launch_id="l1",
            epoch="e1",
            allocation=Allocation(
                shares=(NodeShare(node="n1", cpus_milli=500, memory_mib=1, cpu_ids=(0, 1), gpu_ids=(1,)),)
            ),
            allocated_at=2.25,
            started_at=0.1 + 0.2,
        ),
        attempts=1,
        stop_requested="cancelled by ada",
        eligible_at=1.0,
        started_at=2.0,
        ended_at=3.0,
        exit_code=1,
        signal=9,
        cause="because",
        usage=Usage(cpu_s=1e-9, memory_peak_mib=1e12, read_mib=0.0, written_mib=3.3),
        stale_since=4.0,
    )


def put(store: Store, *jobs: Job, seq: int = 1) -> None:
    store.commit([Change(seq=seq, jobs=jobs)])


def ids(jobs: list[Job]) -> list[int]:
    return [one.id for one in jobs]


def test_ended_jobs_that_are_old_or_many_are_found_and_forgotten_for_good(store: Store) -> None:
    ended = [job(number, state=JobState.COMPLETED, ended_at=100.0 * number) for number in range(1, 7)]
    named = job(7, state=JobState.FAILED, ended_at=50.0, submission_id="mine", task=Task(job_id=20, index=3))
    put(store, *ended, named, job(8))
    store.commit([Change(seq=2, steps=(step(1, 0), step(2, 0)))])

    def old(
        before: float, newest: int | None = None, after: int = 0, limit: int = 10, since: float = 0.0
    ) -> list[int]:
        found = store.old_jobs(
            ended_since=since, ended_before=before, newest=newest, after_id=after, limit=limit
        )
        return ids(found)

    assert old(0.0) == []
    assert old(301.0) == [1, 2, 3, 7]
    assert old(301.0, after=1, limit=1) == [2]
    assert old(301.0, since=200.0) == [2, 3]
    assert old(0.0, newest=5) == [1, 2]
    assert old(0.0, newest=7) == []
    assert old(0.0, newest=0) == [1, 2, 3, 4, 5, 6, 7]

    store.commit([Change(seq=3, forgotten=(1, 7, 99))])
    assert ids(store.jobs(JobQuery())) == [8, 6, 5, 4, 3, 2]
    assert store.job_of_submission("ada", "mine") is None
    assert store.job_of_task(20, 3) is None
    assert [one.job_id for one in store.steps(StepQuery())] == [2]
    assert store.next_job_id() == 9
    put(store, replace(named, id=9), seq=4)
    assert store.job_of_task(20, 3) == replace(named, id=9)
    store.check()


def test_an_empty_store_counts_from_the_start(store: Store) -> None:
    assert store.last_seq() == 0
    assert store.next_job_id() == 1
    assert store.live_jobs() == []
    assert store.job(1) is None
    assert store.jobs(JobQuery()) == []
    store.check()


def test_a_job_is_kept_whole(store: Store) -> None:
    put(store, full_job(5), job(6))

    assert store.job(5) == full_job(5)
    assert store.job(6) == job(6)
    assert store.live_jobs() == [full_job(5), job(6)]
    store.check()


def test_counters_only_rise(store: Store) -> None:
    store.commit([Change(seq=7, next_job_id=50), Change(seq=5, next_job_id=40)])
    store.commit([Change(seq=6)])

    assert store.last_seq() == 7
    assert store.next_job_id() == 50
    put(store, job(60))
    assert store.next_job_id() == 61


def test_somebody_is_shown_the_own_jobs_and_those_of_accounts(store: Store) -> None:
    put(
        store,
        job(1, user="bob"),
        job(2, account="physics"),
        job(3, account="arts"),
        job(4, user="bob", account="arts"),
        job(5),
    )

    assert ids(store.jobs(JobQuery(sight=Sight(user="bob")))) == [4, 1]
    bob = Sight(user="bob", accounts=frozenset({"physics", "sounds"}))
    assert ids(store.jobs(JobQuery(sight=bob))) == [4, 2, 1]
    assert ids(store.jobs(JobQuery(sight=bob, user="ada"))) == [2]


def test_the_last_row_a_job_wins(store: Store) -> None:
    put(store, job(1, name="old"))
    changes = [Change(seq=2, jobs=(job(1, name="mid"),)), Change(seq=3, jobs=(job(1, name="new"), job(2)))]
    store.commit(changes)

    assert [one.name for one in store.live_jobs()] == ["new", "job"]


def test_ended_jobs_are_found_but_not_live(store: Store) -> None:
    put(store, *(job(number, state=state) for number, state in enumerate(JobState, start=1)))

    assert {one.state for one in store.live_jobs()} == set(JobState) - ENDED
    assert ids(store.jobs(JobQuery(states=ENDED))) == [
        number for number, state in reversed(list(enumerate(JobState, start=1))) if state in ENDED
    ]


def test_queries_choose_by_each_column(store: Store) -> None:
    put(
        store,
        job(1, user="bob"),
        job(2, name="other", group="sweep"),
        job(3, partition="gpu"),
        job(4, task=Task(job_id=1, index=0)),
        job(5, submitted_at=1.0, ended_at=9000.0, state=JobState.COMPLETED),
        job(6, submitted_at=9000.0),
    )

    assert ids(store.jobs(JobQuery(user="bob"))) == [1]
    assert ids(store.jobs(JobQuery(name="other"))) == [2]
    assert ids(store.jobs(JobQuery(partition="gpu"))) == [3]
    assert ids(store.jobs(JobQuery(partitions=frozenset({"gpu", "nowhere"})))) == [3]
    assert ids(store.jobs(JobQuery(group="sweep"))) == [2]
    assert ids(store.jobs(JobQuery(array_job_id=1))) == [4]
    assert ids(store.jobs(JobQuery(without_tasks=True))) == [6, 5, 3, 2, 1]
    assert store.task_states(1) == {0: JobState.PENDING}
    assert store.task_states(2) == {}
    assert ids(store.jobs(JobQuery(since=9000.0))) == [6, 5]
    assert ids(store.jobs(JobQuery(ended_since=9000.0))) == [5]
    assert ids(store.jobs(JobQuery(ended=True))) == [5]
    assert ids(store.jobs(JobQuery(ids=(2, 4, 99)))) == [4, 2]
    assert ids(store.jobs(JobQuery(before_id=4, limit=2))) == [3, 2]
    assert ids(store.jobs(JobQuery(user="ada", states=frozenset({JobState.COMPLETED})))) == [5]
    assert ids(store.jobs(JobQuery(limit=0))) == ids(store.jobs(JobQuery(limit=-1))) == []


def test_cards_are_sessions_that_were_not_deleted_or_whose_settings_are_kept(store: Store) -> None:
    session = Session(app="tool", title="Tool", folder="/apps/tool", values={"word": "hello", "count": 2})
    put(
        store,
        job(1),
        job(2, session=session),
        job(3, session=replace(session, deleted=True)),
        job(4, session=replace(session, deleted=True, saved_as="mine")),
        job(5, session=session),
    )
    put(store, job(5, session=replace(session, deleted=True)), seq=2)

    assert ids(store.jobs(JobQuery(cards=True))) == [4, 2]
    assert store.job(2) == job(2, session=session)


def test_job_is_found_by_the_id_that_its_engine_has_for_it(store: Store) -> None:
    put(store, job(1, engine_id="4711"), job(2), job(3, user="bob", engine_id="4711"))
    put(store, job(2, engine_id="4712"), seq=2)

    assert ids(store.jobs(JobQuery(engine_id="4711"))) == [3, 1]
    assert ids(store.jobs(JobQuery(engine_id="4712", user="ada"))) == [2]
    assert ids(store.jobs(JobQuery(engine_id="47"))) == []


def test_second_names_find_the_job_of_the_user(store: Store) -> None:
    put(store, job(1, submission_id="a"), job(2, user="bob", submission_id="a"), job(3))

    assert store.job_of_submission("ada", "a") == job(1, submission_id="a")
    assert store.job_of_submission("bob", "a") == job(2, user="bob", submission_id="a")
    assert store.job_of_submission("eve", "a") is None


def test_a_task_is_found_by_its_array_and_index(store: Store) -> None:
    put(store, job(1), job(2, task=Task(job_id=1, index=4)))

    assert store.job_of_task(1, 4) == job(2, task=Task(job_id=1, index=4))
    assert store.job_of_task(1, 5) is None


def test_end_states_tell_of_known_jobs(store: Store) -> None:
    put(store, job(1, state=JobState.COMPLETED), job(2))

    assert store.end_states([1, 2, 3, -1]) == {1: JobState.COMPLETED, 2: JobState.PENDING}


def test_texts_are_kept_once_by_digest(store: Store) -> None:
    store.commit([Change(seq=1, texts={"d1": b"one\0\xff", "d2": b""})])
    store.commit([Change(seq=2, texts={"d1": b"one\0\xff", "d3": b"x" * 100_000})])

    assert store.texts(["d1", "d2", "d3", "d4"]) == {"d1": b"one\0\xff", "d2": b"", "d3": b"x" * 100_000}


def test_texts_that_are_forgotten_go_unless_they_come_again_beside(store: Store) -> None:
    store.commit([Change(seq=1, texts={name: name.encode() for name in ("d1", "d2", "d3")})])
    put(store, job(1, script="d1", environment="e", runtime_env="r"), job(2), job(3, script="d2"), seq=2)

    assert store.digests(after="", limit=2) == ["d1", "d2"]
    assert store.digests(after="d2", limit=2) == ["d3"]
    assert store.digests_of_jobs(after_id=0, limit=2) == ({"d1", "e", "r"}, 2)
    assert store.digests_of_jobs(after_id=2, limit=2) == ({"d2"}, 3)
    assert store.digests_of_jobs(after_id=3, limit=2) == (set(), 0)

    store.commit([Change(seq=3, forgotten_texts=("d2", "d3", "d9")), Change(seq=4, texts={"d3": b"again"})])
    assert store.texts(["d1", "d2", "d3"]) == {"d1": b"d1", "d3": b"again"}
    store.commit([Change(seq=5, forgotten_texts=("d1",))])
    store.commit([Change(seq=6, texts={"d1": b"once more"})])
    assert store.texts(["d1"]) == {"d1": b"once more"}


def test_keys_that_are_forgotten_are_free_again(store: Store) -> None:
    first, second = key("p"), replace(key("q"), user="bob")
    store.commit([Change(seq=1, idempotency=(first, second))])
    assert store.idempotencies(after=("", ""), limit=1) == [first]
    assert store.idempotencies(after=("ada", "k"), limit=9) == [second]
    store.commit([Change(seq=2, forgotten_keys=(("ada", "k"), ("ada", "none")))])
    assert store.idempotency("ada", "k") is None
    assert store.idempotency("bob", "k") == second
    store.commit([Change(seq=3, idempotency=(key("other"),))])
    assert store.idempotencies(after=("", ""), limit=9) == [key("other"), second]


def key(body: str = "digest", *, at: float = 1.0) -> Idempotency:
    return Idempotency(user="ada", key="k", job_ids=(1, 2), body_digest=body, at=at)


def test_an_idempotency_key_is_kept_and_the_same_again_is_ignored(store: Store) -> None:
    store.commit([Change(seq=1, idempotency=(key(),))])
    store.commit([Change(seq=2, idempotency=(key(at=5.0),), jobs=(job(1),))])

    assert store.idempotency("ada", "k") == key()
    assert store.idempotency("bob", "k") is None
    assert store.job(1) == job(1)


def test_an_idempotency_key_of_another_request_is_refused(store: Store) -> None:
    store.commit([Change(seq=1, idempotency=(key(),))])

    with pytest.raises(ValueError, match="'k' belongs to another request"):
        store.commit([Change(seq=2, jobs=(job(1),), idempotency=(key("other"),))])
    assert store.job(1) is None
    assert store.idempotency("ada", "k") == key()


def test_tokens_are_listed_oldest_first_and_can_be_revoked(store: Store) -> None:
    old = Token(id="t2", user="ada", uid=1, name="laptop", digest="a" * 64, created_at=1.0)
    new = Token(id="t1", user="bob", uid=2, name="", digest="b" * 64, created_at=2.0)
    store.commit([Change(seq=1, tokens=(new, old))])
    store.commit([Change(seq=2, tokens=(replace(old, revoked_at=3.0),))])

    assert store.tokens() == [replace(old, revoked_at=3.0), new]


def test_the_last_mark_of_a_node_is_kept(store: Store) -> None:
    drained = NodeMark(cluster="local", name="n1", state=NodeState.DRAIN, reason="disk")
    other = NodeMark(cluster="far", name="n1", state=NodeState.UP, reason="")
    store.commit([Change(seq=1, nodes=(drained, other))])
    store.commit([Change(seq=2, nodes=(replace(drained, state=NodeState.UP),))])

    assert store.node_marks() == [other, replace(drained, state=NodeState.UP)]


def test_the_last_reservations_are_kept_as_a_whole(store: Store) -> None:
    night = Reservation(name="night", start=1.0, end=2.0, nodes=("n1",), maintenance=True)
    course = Reservation(name="course", start=3.0, end=4.5, nodes=("n1", "n2"), users=("ada",))
    assert store.reservations() == []
    store.commit([Change(seq=1, reservations=(night, course), rules="[scheduler]")])
    store.commit([Change(seq=2)])
    assert store.reservations() == [course, night]
    store.commit([Change(seq=3, reservations=())])
    assert store.reservations() == []
    assert store.rules() == "[scheduler]"


def test_a_reservation_without_a_time_is_refused(store: Store) -> None:
    endless = Reservation(name="x", start=1.0, end=float("inf"), nodes=("n1",))
    with pytest.raises(ValueError, match="a time of a reservation is not a number"):
        store.commit([Change(seq=1, reservations=(endless,))])


BAD_JOBS = {
    "a time that is not a number": job(2, submitted_at=float("nan")),
    "an infinite figure": job(2, usage=Usage(cpu_s=float("inf"))),
    "an id beyond 64 bits": job(2**63),
    "a negative id": job(-1),
    "half a character": job(2, command=("\ud800",)),
    "half a character in a column": job(2, name="\ud800"),
    "NUL in a column": job(2, name="a\0b"),
    "NUL in a group": job(2, group="a\0b"),
    "a taken submission id": job(2, submission_id="taken"),
    "a taken array index": job(2, task=Task(job_id=9, index=1)),
}


def spent(user: str = "ada", billed_s: float = 1.5, **more: Any) -> Spent:
    fields = {"account": "physics", "qos": "normal", "cpu_s": 3.0, "gpu_s": 0.0, "at": 10.0, **more}
    return Spent(user=user, billed_s=billed_s, charged_until=9.0, **fields)


def test_what_was_spent_is_kept_by_user_account_and_qos(store: Store) -> None:
    assert store.spent() == []
    store.commit([Change(seq=1, spent=(spent("bob"), spent(), spent(qos="fast")))])
    store.commit([Change(seq=2, spent=(spent(billed_s=7.0),)), Change(seq=3, spent=(spent(billed_s=8.0),))])
    assert store.spent() == [spent(qos="fast"), spent(billed_s=8.0), spent("bob")]


def test_the_last_crontab_of_each_user_is_kept(store: Store) -> None:
    ada = Crontab(uid=1000, user="ada", text="@daily true ü\n", jobs=(4, 5))
    bob = Crontab(uid=7, user="bob", text="# nothing\n")
    assert store.crontabs() == []
    store.commit([Change(seq=1, crontabs=(ada, bob)), Change(seq=2)])
    store.commit([Change(seq=3, crontabs=(replace(bob, text=None),))])
    assert store.crontabs() == [replace(bob, text=None), ada]
    store.check()


def test_the_last_triggers_are_kept_as_a_whole(store: Store) -> None:
    fini = Trigger(
        id=4, uid=7, user="bob", happenings=(Happening.FINI,), command=("/bin/x", "ü"), job_id=9, due_at=5.0
    )
    assert store.triggers() == Triggers()
    store.commit([Change(seq=1, triggers=Triggers(next_id=5, triggers=(fini,))), Change(seq=2)])
    assert store.triggers() == Triggers(next_id=5, triggers=(fini,))
    store.commit([Change(seq=3, triggers=Triggers(next_id=5))])
    assert store.triggers() == Triggers(next_id=5)
    store.check()


def test_a_job_that_comes_again_is_kept_with_its_times(store: Store) -> None:
    daily = job(1, cron=Cron("0 0 * * *", 2, 3))
    put(store, daily)
    assert store.job(1) == daily


def test_the_last_rules_are_kept_and_can_be_taken_back(store: Store) -> None:
    assert store.rules() == ""
    store.commit([Change(seq=1, rules='[scheduler]\norder = "fifo"'), Change(seq=2, rules="[scheduler] # ü")])
    store.commit([Change(seq=3)])
    assert store.rules() == "[scheduler] # ü"
    store.commit([Change(seq=4, rules="")])
    assert store.rules() == ""


@pytest.mark.parametrize("bad", BAD_JOBS.values(), ids=BAD_JOBS)
def test_a_value_that_cannot_be_stored_leaves_nothing_of_its_batch(store: Store, bad: Job) -> None:
    put(store, job(1, submission_id="taken", task=Task(job_id=9, index=1)))

    with pytest.raises(ValueError):  # noqa: PT011 - the words differ between databases
        store.commit(
            [
                Change(seq=2, jobs=(job(1, name="new", submission_id="taken"), job(3)), texts={"d": b"x"}),
                Change(seq=3, jobs=(bad,), next_job_id=100),
            ]
            if bad.submission_id is None and bad.task is None
            else [Change(seq=2, jobs=(job(3), bad), texts={"d": b"x"}, next_job_id=100)]
        )

    assert store.live_jobs() == [job(1, submission_id="taken", task=Task(job_id=9, index=1))]
    assert store.texts(["d"]) == {}
    assert (store.last_seq(), store.next_job_id()) == (1, 2)
    store.commit([Change(seq=2, jobs=(job(3),), texts={"d": b"x"})])
    assert store.texts(["d"]) == {"d": b"x"}


def test_questions_about_what_cannot_be_stored_find_nothing(store: Store) -> None:
    put(store, job(1))

    assert store.job(2**70) is None
    assert store.job(-1) is None
    assert store.job_of_task(2**70, 1) is None
    assert store.job_of_submission("\ud800", "a\0b") is None
    assert store.idempotency("\ud800", "k") is None
    assert store.end_states([2**70]) == {}
    assert store.texts(["\ud800"]) == {}
    assert store.jobs(JobQuery(user="\ud800")) == []
    assert store.jobs(JobQuery(array_job_id=2**70)) == []
    assert store.jobs(JobQuery(ids=(2**70,))) == []
    assert ids(store.jobs(JobQuery(before_id=2**70))) == [1]
    assert store.jobs(JobQuery(before_id=-(2**70))) == []


def test_thousands_of_ids_can_be_asked_for_at_once(store: Store) -> None:
    put(store, *(job(number) for number in range(1, 12_001)))
    wanted = range(1, 20_000)

    assert len(store.end_states(wanted)) == 12_000
    assert ids(store.jobs(JobQuery(ids=tuple(wanted), limit=11_000))) == list(range(12_000, 1_000, -1))
    assert len(store.texts(str(number) for number in wanted)) == 0


def test_readers_of_many_threads_see_only_whole_commits(store: Store) -> None:
    stop, torn = False, list[list[Job]]()

    def read() -> None:
        while not stop:
            seen = store.live_jobs()
            if len({one.name for one in seen}) > 1 or len(seen) not in (0, 50):
                torn.append(seen)

    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for seq in range(1, 40):
        put(store, *(job(number, name=f"{seq}") for number in range(1, 51)), seq=seq)
    stop = True
    for thread in threads:
        thread.join()

    assert torn == []


# -- all stores agree

TIMES = st.floats(min_value=0, max_value=4e9, allow_nan=False)
USERS = st.sampled_from(["ada", "bob", "cleo"])
WORDS = st.sampled_from(["a", "b", "ü", "", "x y"])
IDS = st.integers(min_value=1, max_value=12)


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    return job(
        draw(IDS),
        name=draw(WORDS),
        user=draw(USERS),
        partition=draw(WORDS),
        group=draw(st.none() | WORDS),
        state=draw(st.sampled_from(JobState)),
        submitted_at=draw(TIMES),
        ended_at=draw(st.none() | TIMES),
        submission_id=draw(st.none() | WORDS),
        task=draw(st.none() | st.builds(Task, job_id=IDS, index=st.integers(0, 3))),
        command=tuple(draw(st.lists(st.text(max_size=3), max_size=2))),
        nice=draw(st.integers(-(2**70), 2**70)),
        usage=Usage(cpu_s=draw(st.none() | st.floats())),
    )


CHANGES = st.builds(
    Change,
    seq=st.integers(0, 100),
    jobs=st.lists(jobs(), max_size=5).map(tuple),
    texts=st.dictionaries(st.sampled_from(["d1", "d2", "d3"]), st.just(b"text"), max_size=2),
    next_job_id=st.none() | st.integers(1, 100),
    idempotency=st.lists(
        st.builds(
            Idempotency,
            user=USERS,
            key=WORDS,
            job_ids=st.just((1,)),
            body_digest=st.sampled_from(["p", "q"]),
            at=TIMES,
        ),
        max_size=1,
    ).map(tuple),
    tokens=st.lists(
        st.builds(Token, id=WORDS, user=USERS, uid=IDS, name=WORDS, digest=WORDS, created_at=TIMES),
        max_size=2,
    ).map(tuple),
    nodes=st.lists(
        st.builds(NodeMark, cluster=WORDS, name=WORDS, state=st.sampled_from(NodeState), reason=WORDS),
        max_size=2,
    ).map(tuple),
    forgotten_texts=st.lists(st.sampled_from(["d1", "d2"]), max_size=1).map(tuple),
    forgotten_keys=st.lists(st.tuples(USERS, WORDS), max_size=1).map(tuple),
)

QUERIES = st.builds(
    JobQuery,
    states=st.frozensets(st.sampled_from(JobState), max_size=4),
    user=st.none() | USERS,
    name=st.none() | WORDS,
    group=st.none() | WORDS,
    partition=st.none() | WORDS,
    partitions=st.frozensets(WORDS, max_size=2),
    array_job_id=st.none() | IDS,
    since=st.none() | TIMES,
    ended_since=st.none() | TIMES,
    ended=st.booleans(),
    without_tasks=st.booleans(),
    ids=st.lists(IDS, max_size=4).map(tuple),
    before_id=st.none() | IDS,
    limit=st.integers(0, 8),
)


def outcome(store: Store, changes: list[Change]) -> bool:
    """Whether the store took the changes."""
    try:
        store.commit(changes)
    except ValueError:
        return False
    return True


def answers(store: Store, queries: list[JobQuery]) -> list[Any]:
    """Everything that can be asked."""
    numbers = range(14)
    names = [(user, word) for user in ("ada", "bob", "cleo") for word in ("a", "b", "ü", "", "x y")]
    return [
        store.last_seq(),
        store.next_job_id(),
        store.live_jobs(),
        [store.job(number) for number in numbers],
        [store.jobs(query) for query in queries],
        [store.job_of_submission(user, word) for user, word in names],
        [store.job_of_task(number, index) for number in numbers for index in range(4)],
        store.end_states(numbers),
        store.texts(["d1", "d2", "d3"]),
        store.digests(after="", limit=9),
        store.digests_of_jobs(after_id=0, limit=99),
        sorted((one.user, one.key) for one in store.idempotencies(after=("", ""), limit=99)),
        [store.idempotency(user, word) for user, word in names],
        store.tokens(),
        store.node_marks(),
    ]


@pytest.mark.parametrize("kind", [kind for kind in STORES if kind != "memory"])
@settings(max_examples=often(8, thorough=30), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    batches=st.lists(st.lists(CHANGES, max_size=3), min_size=1, max_size=6),
    queries=st.lists(QUERIES, max_size=6),
)
def test_it_agrees_with_the_memory_store(
    kind: str, batches: list[list[Change]], queries: list[JobQuery]
) -> None:
    with TemporaryDirectory() as directory:
        model = MemoryStore()
        with closing(STORES[kind](Path(directory))) as store:
            for batch in batches:
                assert outcome(store, batch) == outcome(model, batch)
                assert answers(store, queries) == answers(model, queries)
            store.check()
        with closing(STORES[kind](Path(directory))) as store:
            assert answers(store, queries) == answers(model, queries)


def step(job_id: int, number: int, *, attempt: int = 1, **more: Any) -> Step:
    share = StepShare(node="n1", position=0, tasks=(0, 1), cpus_milli=2000, cpu_ids=(0, 1), gpu_ids=(1,))
    plain: dict[str, Any] = {"user": "ada", "name": "sim\n€", "connect": "/run/x", "started_at": 5.5}
    plain |= {"launch_id": "l1", "shares": (share,), "metadata": {"a": "1"}}
    return Step(job_id=job_id, attempt=attempt, number=number, **(plain | more))


def ended_step(job_id: int, number: int, ended_at: float, **more: Any) -> Step:
    end = RunnerEnd(position=0, at=ended_at, exit_code=7, cpu_s=0.25, memory_peak_mib=9.5)
    facts: dict[str, Any] = {"state": StepState.FAILED, "ends": (end,), "ended_at": ended_at, "exit_code": 7}
    return step(job_id, number, usage=Usage(cpu_s=0.25), **(facts | more))


def test_steps_are_kept_whole_and_the_last_row_wins(store: Store) -> None:
    first = step(4, 0)
    store.commit([Change(seq=1, steps=(first, step(4, 1))), Change(seq=2, steps=(ended_step(4, 0, 9.0),))])
    store.commit([Change(seq=3, steps=(ended_step(4, 1, 8.0), step(4, 0, attempt=2)))])

    found = store.steps(StepQuery(job_ids=(4,)))
    assert found == [ended_step(4, 0, 9.0), ended_step(4, 1, 8.0), step(4, 0, attempt=2)]
    store.check()


def test_steps_are_found_by_job_user_and_time(store: Store) -> None:
    others = ended_step(3, 0, 20.0, user="bob")
    store.commit([Change(seq=1, steps=(step(1, 0), ended_step(1, 1, 9.0), others, ended_step(9, 0, 30.0)))])

    def keys(**query: Any) -> list[tuple[int, int]]:
        return [(one.job_id, one.number) for one in store.steps(StepQuery(**query))]

    assert keys() == [(1, 0), (1, 1), (3, 0), (9, 0)]
    assert keys(job_ids=(9, 1, 5)) == [(1, 0), (1, 1), (9, 0)]
    assert keys(user="bob") == [(3, 0)]
    assert keys(since=20.0) == [(1, 0), (3, 0), (9, 0)]
    assert keys(running=True) == [(1, 0)]
    assert keys(limit=2) == [(1, 0), (1, 1)]
    assert keys(job_ids=(2**70,)) == []
    assert keys(user="a\0b") == []


def test_a_step_that_no_store_keeps_is_refused(store: Store) -> None:
    for wrong in (step(2**70, 0), step(1, 0, started_at=float("nan")), step(1, 0, user="\0")):
        with pytest.raises(ValueError, match="step"):
            store.commit([Change(seq=1, steps=(wrong,))])
    assert store.steps(StepQuery()) == []

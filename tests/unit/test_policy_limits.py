"""Limits of users, accounts and QOS: counted, said with their numbers, given back to the last one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.account import QOS, Account, Association, Limits
from launchyard.model.rules import Rules
from launchyard.policy.limits import Amounts, LimitBook, Party

ADA = Party("ada", "physics", "normal")
BOB = Party("bob", "physics", "normal")
HOUR = 3600.0


def book(
    *,
    qos: QOS | None = None,
    accounts: tuple[Account, ...] = (Account(name="physics"),),
    users: tuple[Association, ...] = (),
) -> LimitBook:
    return LimitBook(
        Rules(
            qos={one.name: one for one in (QOS(name="normal"), qos or QOS(name="normal"))},
            accounts={one.name: one for one in accounts},
            associations={(one.account, one.user): one for one in users},
        )
    )


def amounts(cpus: float = 1, memory_mib: int = 0, gpus: float = 0, nodes: int = 1) -> Amounts:
    return Amounts(1, int(cpus * 1000), memory_mib, int(gpus * 1000), nodes)


def sentence(of: LimitBook, party: Party, asked: Amounts, seconds: float = HOUR) -> str:
    found = of.breach(party, asked, seconds)
    assert found is not None
    return found.sentence


def test_without_limits_nothing_is_booked_and_a_copy_is_the_book_itself() -> None:
    free = book()
    free.take(ADA, amounts(1000), HOUR)
    assert free.breach(ADA, amounts(1000), HOUR) is None
    assert not free.any
    assert free.copy() is free
    assert free.empty


def test_an_account_uses_what_all_its_users_use() -> None:
    limited = book(accounts=(Account(name="physics", limits=Limits(gpus=64)),))
    limited.take(ADA, amounts(gpus=60))
    assert limited.breach(BOB, amounts(gpus=4), HOUR) is None
    assert sentence(limited, BOB, amounts(gpus=8)) == "account physics uses 60 of 64 GPUs, 8 asked for"
    limited.take(BOB, amounts(gpus=4))
    assert sentence(limited, ADA, amounts(gpus=1)) == "account physics uses 64 of 64 GPUs"
    assert sentence(limited, ADA, amounts(gpus=0.5)) == "account physics uses 64 of 64 GPUs"
    assert limited.breach(ADA, amounts(cpus=8), HOUR) is None, "a job without GPUs is not held by their limit"


def test_an_account_counts_for_those_above_it() -> None:
    limited = book(
        accounts=(Account(name="science", limits=Limits(jobs=1)), Account(name="physics", parent="science"))
    )
    limited.take(ADA, amounts())
    assert sentence(limited, BOB, amounts()) == "account science runs 1 of 1 jobs"


def test_a_qos_counts_for_each_user() -> None:
    limited = book(qos=QOS(name="interactive", per_user=Limits(jobs=8, memory_mib=32 * 1024)))
    ada = Party("ada", "physics", "interactive")
    for _ in range(8):
        limited.take(ada, amounts(memory_mib=1024))
    found = limited.breach(ada, amounts(), HOUR)
    assert found is not None
    assert (found.code, found.sentence) == ("limit-jobs", "user ada runs 8 of 8 jobs of QOS interactive")
    assert limited.breach(Party("bob", "physics", "interactive"), amounts(), HOUR) is None
    assert limited.breach(ADA, amounts(), HOUR) is None, "another QOS has its own limits"
    limited.give(ada, amounts(memory_mib=1024))
    text = sentence(limited, ada, amounts(memory_mib=30 * 1024))
    assert text == "user ada uses 7 GiB of 32 GiB of memory of QOS interactive, 30 GiB asked for"


def test_a_user_has_limits_in_an_account_of_its_own_and_of_everybody() -> None:
    own = book(users=(Association(user="ada", account="physics", limits=Limits(cpus_milli=4000)),))
    own.take(ADA, amounts(3.5))
    assert sentence(own, ADA, amounts()) == "user ada uses 3.5 of 4 CPUs in account physics, 1 asked for"
    everybody = book(accounts=(Account(name="physics", per_user=Limits(nodes=2)),))
    everybody.take(ADA, amounts(nodes=2))
    assert sentence(everybody, ADA, amounts()) == "user ada uses 2 of 2 nodes in account physics"
    assert everybody.breach(BOB, amounts(nodes=2), HOUR) is None


def test_without_accounts_the_name_on_a_job_does_not_lead_around_a_limit() -> None:
    limited = book(accounts=(), users=(Association(user="ada", limits=Limits(jobs=1)),))
    limited.take(Party("ada", "one", "normal"), amounts())
    assert sentence(limited, Party("ada", "other", "normal"), amounts()) == "user ada runs 1 of 1 jobs"


def test_a_plan_books_on_a_copy() -> None:
    limited = book(accounts=(Account(name="physics", limits=Limits(jobs=1)),))
    plan = limited.copy()
    plan.take(ADA, amounts(), HOUR)
    assert plan.breach(BOB, amounts(), HOUR) is not None
    assert limited.breach(BOB, amounts(), HOUR) is None


@pytest.mark.parametrize(
    ("limits", "asked", "seconds", "text"),
    [
        (Limits(gpus=2), amounts(gpus=4), HOUR, "may use 2 GPUs, 4 asked for; ask for --gpus 2 or less"),
        (Limits(gpus=0), amounts(gpus=4), HOUR, "may use 0 GPUs, 4 asked for; leave out --gpus"),
        (
            Limits(cpus_milli=500),
            amounts(1),
            HOUR,
            "may use 0.5 CPUs, 1 asked for; ask for --cpus 0.5 or less",
        ),
        (
            Limits(memory_mib=2048),
            amounts(memory_mib=4096),
            HOUR,
            "may use 2 GiB of memory, 4 GiB asked for; ask for --mem 2048M or less",
        ),
        (Limits(nodes=1), amounts(nodes=2), HOUR, "may use 1 nodes, 2 asked for; ask for --nodes 1 or less"),
        (
            Limits(time_limit_s=1800),
            amounts(),
            HOUR,
            "may run 30 min, 1 h asked for; ask for --time 30m or less",
        ),
        (
            Limits(gpu_minutes=60),
            amounts(gpus=2),
            HOUR,
            "may use 60 GPU minutes, 120 asked for; ask for --time 30m or less",
        ),
    ],
)
def test_what_one_job_can_never_have_is_said_with_what_to_ask_for(
    limits: Limits, asked: Amounts, seconds: float, text: str
) -> None:
    for limited in (
        book(qos=QOS(name="normal", per_job=limits)),
        book(accounts=(Account(name="physics", limits=limits),)),
    ):
        found = limited.impossible(ADA, asked, seconds)
        assert found is not None
        assert text in found.sentence
        assert limited.breach(ADA, asked, seconds) is not None
        assert limited.impossible(ADA, amounts(0.1), 60) is None


def test_minutes_count_what_was_used_what_may_still_be_used_and_what_is_asked() -> None:
    limited = book(accounts=(Account(name="physics", limits=Limits(gpu_minutes=1000)),))
    limited.set_spent([(ADA, 0.0, 500 * 60.0), (BOB, 0.0, 100 * 60.0)])
    limited.take(BOB, amounts(gpus=1), 300 * 60.0)
    assert limited.breach(ADA, amounts(gpus=1), 100 * 60.0) is None
    assert sentence(limited, ADA, amounts(gpus=1), 101 * 60.0) == (
        "account physics has used 600 of 1000 GPU minutes, 300 are kept for what runs, 101 asked for"
    )
    limited.reserve(BOB, amounts(gpus=1), -200 * 60.0)
    assert limited.breach(ADA, amounts(gpus=1), 300 * 60.0) is None
    limited.give(BOB, amounts(gpus=1), 100 * 60.0)
    assert limited.empty


def test_waiting_jobs_are_limited_too() -> None:
    limited = book(accounts=(Account(name="physics", per_user=Limits(waiting=10)),))
    limited.wait(ADA, 8)
    assert limited.breach_of_waiting(ADA, 2) is None
    found = limited.breach_of_waiting(ADA, 3)
    assert found is not None
    assert found.sentence == (
        "user ada has 8 of 10 waiting jobs in account physics, 3 more asked for; "
        "submit again when some have started"
    )
    assert limited.breach_of_waiting(BOB, 10) is None
    limited.wait(ADA, -8)
    assert limited.empty


PARTIES = [Party(u, a, q) for u in ("ada", "bob") for a in ("physics", "optics") for q in ("normal", "fast")]
JOBS = st.tuples(st.sampled_from(PARTIES), st.integers(1, 4), st.integers(0, 2), st.integers(1, 3))


@given(st.lists(JOBS, max_size=30), st.integers(1, 6), st.integers(1, 4))
def test_what_starts_without_a_breach_never_exceeds_a_limit(
    jobs: list[tuple[Party, int, int, int]], cpus: int, gpus: int
) -> None:
    limited = LimitBook(
        Rules(
            qos={
                "normal": QOS(name="normal", per_user=Limits(cpus_milli=cpus * 1000)),
                "fast": QOS(name="fast", limits=Limits(jobs=2)),
            },
            accounts={
                "physics": Account(name="physics", limits=Limits(gpus=gpus)),
                "optics": Account(name="optics", parent="physics", limits=Limits(nodes=4)),
            },
        )
    )
    running = []
    for party, asked_cpus, asked_gpus, nodes in jobs:
        asked = amounts(asked_cpus, gpus=asked_gpus, nodes=nodes)
        if limited.breach(party, asked, HOUR) is None:
            limited.take(party, asked, HOUR)
            running.append((party, asked))
    assert sum(asked.gpus_milli for _, asked in running) <= gpus * 1000
    assert sum(1 for party, _ in running if party.qos == "fast") <= 2
    assert sum(asked.nodes for party, asked in running if party.account == "optics") <= 4
    for user in ("ada", "bob"):
        of = [asked.cpus_milli for party, asked in running if party.qos == "normal" and party.user == user]
        assert sum(of) <= cpus * 1000
    for party, asked in running:
        limited.give(party, asked, HOUR)
    assert limited.empty

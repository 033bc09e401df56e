"""What the launcher remembers: replay of its journal, acknowledgements, spent ids."""

import pytest

from launchyard.launcher.journal import Record
from launchyard.launcher.messages import launch
from launchyard.launcher.table import SPENT_MAX, Launch, Table, order_of, wrong_in


def head(**values: object) -> Record:
    return {"k": "head", "v": 1, "epoch": "e", "boot": "b", "q": 0, "a": 0} | values


def intent(l: str) -> Record:
    return {"k": "intent", "l": l, "job": 1, "uid": 1000, "spool_log": "x"}


def start(l: str, seq: int) -> Record:
    return {"k": "start", "l": l, "q": seq, "p": 4, "s": 5, "at": 1.0, "b": 2.0}


def end(l: str, seq: int, **facts: object) -> Record:
    return {"k": "end", "l": l, "q": seq, "at": 3.0, **facts}


def replayed(*records: Record, boot_id: str = "b") -> Table:
    table = Table(boot_id)
    table.replay(records)
    return table


def test_an_intent_without_a_start_is_live_without_a_process() -> None:
    table = replayed(head(), intent("a"))
    assert table.live["a"].pid == 0
    assert table.epoch == "e"


def test_an_end_takes_a_launch_out_of_the_live_ones_but_keeps_it_known() -> None:
    table = replayed(head(), intent("a"), start("a", 1), end("a", 2, exit_code=3))
    assert not table.live
    assert table.launches["a"].facts == {"at": 3.0, "exit_code": 3}
    assert table.seq == 2


def test_an_acknowledged_end_is_forgotten_and_its_id_spent() -> None:
    table = replayed(head(), intent("a"), start("a", 1), end("a", 2), {"k": "ack", "q": 2})
    assert not table.launches
    assert list(table.spent) == ["a"]


def test_an_acknowledged_start_stays_known() -> None:
    table = replayed(head(), intent("a"), start("a", 1), {"k": "ack", "q": 1})
    assert "a" in table.live
    assert table.acked == 1


def test_an_acknowledgement_of_the_future_is_not_believed() -> None:
    table = replayed(head(), intent("a"), start("a", 1))
    table.acknowledge(99)
    table.end(table.live["a"], {"at": 1.0})
    assert "a" in table.launches


def test_a_rewritten_journal_says_the_same() -> None:
    table = replayed(
        head(),
        intent("waits"),
        intent("runs"),
        start("runs", 1),
        {"k": "mark", "l": "runs", "timed_out": True},
        intent("exited"),
        start("exited", 2),
        {"k": "exit", "l": "exited", "w": 256, "cpu_s": 1.5},
        intent("over"),
        end("over", 3, exit_code=0),
        {"k": "spent", "ls": ["old"]},
    )
    again = replayed(*table.records())
    assert again.records() == table.records()
    assert again.live["runs"].marks == {"timed_out": True}
    assert again.live["exited"].status == 256
    assert again.live["exited"].usage == {"cpu_s": 1.5}
    assert again.launches["over"].seq_end == 3
    assert list(again.spent) == ["old"]


def test_another_boot_makes_another_epoch() -> None:
    table = replayed(head(), intent("a"), boot_id="another")
    assert table.rebooted
    assert table.epoch != "e"


def test_spent_ids_are_bounded() -> None:
    table = Table("b")
    for number in range(SPENT_MAX + 10):
        launch = Launch(f"l{number}", {"uid": 1, "job": 1})
        table.add(launch)
        table.end(launch, {"at": 1.0})
        table.acknowledge(table.seq)
    assert len(table.spent) == SPENT_MAX
    assert "l0" not in table.spent


def test_an_order_keeps_no_environment_and_no_script_text() -> None:
    order = order_of(
        {"l": "a", "job": 1, "uid": 2, "env": {"SECRET": "x"}, "script": "#!x", "spool_log": "a.log"}
    )
    assert order == {"job": 1, "uid": 2, "script": True, "spool_log": "a.log"}


def runner(l: str, number: int) -> Record:
    return {"k": "runner", "l": l, "i": f"{l}.{number}.0", "p": 7, "s": 8, "o": 1}


def runner_end(l: str, number: int) -> Record:
    return {"k": "runner-end", "l": l, "i": f"{l}.{number}.0", "at": 2.0, "exit_code": 3}


def test_runners_are_remembered_until_they_are_forgotten() -> None:
    records = [head(), intent("a"), start("a", 1), runner("a", 0), runner("a", 1), runner("a", 2)]
    records += [runner_end("a", 1), runner_end("a", 2), {"k": "runner-forgotten", "l": "a", "i": "a.2.0"}]

    for table in (replayed(*records), replayed(*replayed(*records).records())):
        first, second = table.live["a"].runners.values()
        assert (first.id, first.pid, first.start, first.oom_kills, first.facts) == ("a.0.0", 7, 8, 1, None)
        assert (second.id, second.facts) == ("a.1.0", {"at": 2.0, "exit_code": 3})


def test_the_ends_of_runners_outlive_their_launch_until_it_is_acknowledged() -> None:
    table = replayed(head(), intent("a"), start("a", 1), runner("a", 0), runner_end("a", 0), end("a", 2))

    again = replayed(*table.records())
    assert list(again.launches["a"].runners) == ["a.0.0"]
    again.acknowledge(2)
    assert replayed(*again.records(), runner_end("a", 1)).launches == {}


STRANGE: list[Record] = [
    {"k": "of-a-newer-launcher", "l": "a"},
    {"l": "a"},
    {"k": "mark", "l": "never-seen", "warned": True},
    {"k": "start", "l": "a"},
    {"k": "spent"},
]


@pytest.mark.parametrize("record", STRANGE)
def test_a_record_that_cannot_be_understood_is_passed_over(record: Record) -> None:
    """Whoever could not go on here would never start again."""
    table = Table("b")

    assert table.replay([head(), intent("a"), start("a", 1), record, intent("z"), start("z", 2)]) == 1

    assert [launch.pid for launch in table.live.values()] == [4, 4]


WRONG: dict[str, object] = {
    "cpu_ids": [1, "2"],
    "memory_mib": "much",
    "time_limit_s": float("nan"),
    "warning_signal": 10**30,
    "warning_before_s": [],
    "grace_s": float("inf"),
    "log_cap_bytes": 1.5,
    "script": 7,
    "argv": ["true", None],
    "env": {"A": 1},
    "cwd": None,
}


@pytest.mark.parametrize("name", WRONG)
def test_what_an_order_must_not_be_is_named_and_not_kept(name: str) -> None:
    order = launch(l="a", job=1, uid=1000, node="n", argv=["true"], env={"A": "b"}, cwd="/", spool_log="x")
    assert wrong_in(order) == []

    order[name] = WRONG[name]

    assert wrong_in(order) == [name]
    assert name not in order_of(order)
    table = replayed(head(), intent("a") | {name: WRONG[name]}, start("a", 1))
    assert name not in table.live["a"].order

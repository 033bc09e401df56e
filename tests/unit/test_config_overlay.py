"""What was changed of the rules goes before the file, and the rest is the file's as it is now."""

import pytest

from launchyard.config import changed, read_rules, rules_text, without
from launchyard.config.overlay import Change, changes, difference, over
from launchyard.model.errors import Invalid
from launchyard.model.rules import Rules

FILE = """
[scheduler]
order = "fifo"
bands = 3
[[accounts]]
name = "physics"
shares = 2
limits = { gpus = 4, cpus = 8 }
[[accounts]]
name = "optics"
[[users]]
name = "ada"
account = "physics"
[[users]]
name = "ada"
account = "optics"
"""


def rules(text: str) -> Rules:
    return read_rules(text, "t")


def after(file: Rules, *orders: tuple[str, str, dict[str, str]]) -> str:
    """What is kept of these changes, made one after the other."""
    now = file
    for kind, name, values in orders:
        now = rules(changed(now, kind, name, values))
    return difference(file, now)


def test_without_a_change_nothing_is_kept_and_the_file_holds() -> None:
    file = rules(FILE)
    assert difference(file, rules(rules_text(file))) == ""
    assert over(file, "") is file
    assert changes("") == []


def test_a_value_goes_before_the_files_and_all_else_is_read_anew() -> None:
    kept = after(
        rules(FILE),
        ("account", "physics", {"gpus": "64"}),
        ("scheduler", "", {"order": "multifactor", "weights.age": "7"}),
        ("user", "ada", {"account": "optics", "shares": "5"}),
        ("qos", "fast", {"priority": "9"}),
    )
    other = FILE.replace("shares = 2", "shares = 3").replace("gpus = 4, cpus = 8", "gpus = 5, cpus = 9")
    now = over(rules(other.replace("bands = 3", "bands = 4") + '[[accounts]]\nname = "new"\n'), kept)
    physics = now.accounts["physics"]
    assert (physics.shares, physics.limits.gpus, physics.limits.cpus_milli) == (3, 64, 9000)
    assert (now.scheduler.order.value, now.scheduler.bands, now.scheduler.weights.age) == (
        "multifactor",
        4,
        7,
    )
    assert [now.associations[one, "ada"].shares for one in ("physics", "optics")] == [1, 5]
    assert now.qos["fast"].priority == 9
    assert "new" in now.accounts
    assert set(changes(kept)) == {
        Change("account", "physics", None, ("limits.gpus",), removed=False),
        Change("scheduler", "", None, ("order", "weights.age"), removed=False),
        Change("user", "ada", "optics", ("shares",), removed=False),
        Change("qos", "fast", None, ("priority",), removed=False),
    }


def test_what_was_removed_stays_so_and_what_was_made_comes_with_its_values() -> None:
    file = rules(FILE)
    gone = rules(without(file, "user", "ada", {"account": "optics"}))
    kept = difference(file, rules(without(gone, "account", "optics", {})))
    assert set(over(rules(FILE.replace("shares = 2", "shares = 9")), kept).accounts) == {"physics"}
    assert over(Rules(), kept).accounts == {}
    made = after(file, ("account", "physics", {"gpus": "", "cpus": ""}), ("account", "maths", {"gpus": "1"}))
    found = over(file, made).accounts
    assert (found["physics"].limits.gpus, found["maths"].limits.gpus) == (None, 1)
    assert over(Rules(), made).accounts["maths"].limits.gpus == 1


def test_what_the_file_says_likewise_is_the_files_again() -> None:
    file = rules(FILE)
    kept = after(file, ("account", "physics", {"gpus": "64"}))
    same = rules(FILE.replace("gpus = 4", "gpus = 64"))
    assert difference(same, over(same, kept)) == ""


def test_what_does_not_go_with_the_file_any_more_is_refused_with_the_way_out() -> None:
    kept = after(rules(FILE), ("user", "eve", {"account": "optics"}))
    left = FILE.replace('[[accounts]]\nname = "optics"\n', "").replace(
        'account = "optics"', 'account = "maths"'
    )
    with pytest.raises(Invalid, match="ly admin reload --forget takes it all back"):
        over(rules(left + '[[accounts]]\nname = "maths"\n'), kept)


def test_all_rules_as_an_earlier_version_kept_them_are_what_was_changed() -> None:
    file = rules(FILE)
    kept = difference(file, over(file, FILE.replace("shares = 2", "shares = 7")))
    assert changes(kept) == [Change("account", "physics", None, ("shares",), removed=False)]

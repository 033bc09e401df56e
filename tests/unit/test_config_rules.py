"""Partitions, QOS, accounts, users and the scheduler in TOML: read, refused with their line, written back."""

import pytest

from launchyard.config import read_rules, rules_text
from launchyard.model.account import IMPLICIT, Limits, PreemptMode
from launchyard.model.errors import Invalid
from launchyard.model.partition import PartitionState
from launchyard.model.rules import Order, Rules, Sum

WHOLE = """
[[partitions]]
name = "main"
default = true
nodes = "n[1-4]"
accounts = ["physics"]
denied_qos = ["fast"]
groups = ["staff"]
nodes_min = 2
nodes_max = 3
state = "drain"
priority = 7

[[partitions]]
name = "short"
time_limit = "10m"
time_limit_max = "1h"
default_qos = "fast"

[[qos]]
name = "fast"
tier = 50
priority = 3
preempts = ["normal"]
preempt_mode = "suspend"
grace = "2m"
usage_factor = 2.5
ignores_partition_limits = true
per_user = { jobs = 4, cpus = 1.5, memory = "32GiB" }
per_account = { gpus = 8 }

[qos.limits]
nodes = 10
cpu_minutes = 1000
waiting = 100

[[accounts]]
name = "science"
shares = 10

[[accounts]]
name = "physics"
parent = "science"
shares = "parent"
everyone = true
qos = ["normal", "fast"]
default_qos = "fast"
limits = { gpus = 64, gpu_minutes = 6000 }
per_job = { time_limit = "2d" }

[[users]]
name = "ada"
account = "physics"
shares = 3

[[users]]
name = "ada"
account = "science"
default = true
limits.jobs = 10

[scheduler]
order = "multifactor"
depth = "all"
bands = 3
ageing_h = 6
half_life = "14d"
billing = { gpu = 12, sum = "sum" }

[scheduler.weights]
age = 5
age_max = "1d"
favor_small = true
"""


def test_every_key_is_read() -> None:
    rules = read_rules(WHOLE, "rules.toml")
    main, short = rules.partitions.values()
    assert (main.default, main.nodes, main.nodes_min, main.nodes_max) == (
        True,
        ("n1", "n2", "n3", "n4"),
        2,
        3,
    )
    assert (main.accounts, main.denied_qos, main.groups) == (("physics",), ("fast",), ("staff",))
    assert (main.state, main.priority, short.default_qos) == (PartitionState.DRAIN, 7, "fast")
    fast = rules.qos["fast"]
    assert (fast.tier, fast.priority, fast.preempts, fast.grace_s) == (50, 3, ("normal",), 120)
    assert (fast.preempt_mode, fast.usage_factor) == (PreemptMode.SUSPEND, 2.5)
    assert fast.ignores_partition_limits
    assert fast.per_user == Limits(jobs=4, cpus_milli=1500, memory_mib=32 * 1024)
    assert fast.per_account == Limits(gpus=8)
    assert fast.limits == Limits(nodes=10, cpu_minutes=1000, waiting=100)
    physics = rules.accounts["physics"]
    assert (physics.parent, physics.shares, physics.everyone) == ("science", None, True)
    assert (physics.qos, physics.default_qos) == (("normal", "fast"), "fast")
    assert physics.limits == Limits(gpus=64, gpu_minutes=6000)
    assert physics.per_job.time_limit_s == 2 * 86_400
    assert rules.ancestry("physics") == ("physics", "science")
    assert rules.associations["physics", "ada"].shares == 3
    assert not rules.associations["physics", "ada"].default
    assert rules.associations["science", "ada"].default
    assert rules.associations["science", "ada"].limits == Limits(jobs=10)
    scheduler = rules.scheduler
    assert (scheduler.order, scheduler.depth, scheduler.bands) == (Order.MULTIFACTOR, None, 3)
    assert (scheduler.ageing_h, scheduler.half_life_s) == (6.0, 14 * 86_400)
    assert (scheduler.billing.gpu, scheduler.billing.cpu, scheduler.billing.sum) == (12.0, 1.0, Sum.SUM)
    assert (scheduler.weights.age, scheduler.weights.age_max_s, scheduler.weights.favor_small) == (
        5,
        86_400,
        True,
    )


def test_without_a_word_there_are_two_qos_and_no_accounts() -> None:
    rules = read_rules("", "rules.toml")
    assert rules == Rules()
    assert set(rules.qos) == {"normal", "interactive"}
    assert rules.qos["interactive"].tier > rules.qos["normal"].tier
    assert rules.qos["interactive"].per_user.jobs
    assert rules.accounts == {}
    assert (rules.scheduler.order, rules.scheduler.depth) == (Order.DEFAULT, 1)


def test_users_may_have_limits_without_accounts() -> None:
    rules = read_rules('[[users]]\nname = "ada"\nlimits = { jobs = 2 }', "rules.toml")
    assert rules.associations[IMPLICIT, "ada"].limits.jobs == 2


def test_the_first_account_of_a_user_is_its_default() -> None:
    text = '[[accounts]]\nname = "a"\n[[accounts]]\nname = "b"\n'
    text += '[[users]]\nname = "u"\naccount = "b"\n[[users]]\nname = "u"\naccount = "a"\n'
    rules = read_rules(text, "rules.toml")
    assert rules.associations["b", "u"].default
    assert not rules.associations["a", "u"].default


@pytest.mark.parametrize("text", ["", WHOLE, '[[users]]\nname = "ada"\nlimits = { jobs = 2 }'])
def test_what_is_written_reads_the_same(text: str) -> None:
    rules = read_rules(text, "rules.toml")
    assert read_rules(rules_text(rules), "written.toml") == rules


A = '[[accounts]]\nname = "a"\n'


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('listen = "127.0.0.1:1"', "line 1: listen cannot be changed while the server runs; only partitions"),
        ("[[acounts]]\nname = 1", "line 1: there is no key acounts; did you mean accounts?"),
        ("[scheduler]\n\nordr = 1", "line 3: there is no key ordr; did you mean order?"),
        ('[scheduler]\norder = "fair"', 'line 2: order = "fair" is not one of default, fifo'),
        ("[scheduler]\ndepth = -1", "line 2: depth = -1 is not between 0"),
        ('[scheduler]\ndepth = "deep"', 'line 2: depth is a whole number, or "all"'),
        ("[scheduler]\nageing_h = 0", "line 2: ageing_h = 0 is not between 0.001"),
        (
            "[scheduler]\n[scheduler.weights]\nage = 1\nagee = 2",
            "line 4: there is no key agee; did you mean age?",
        ),
        ("[scheduler]\nbilling = { gpus = 1 }", "line 2: there is no key gpus; did you mean gpu?"),
        ("scheduler = 3", "line 1: scheduler is a table; write [scheduler]"),
        (A + A, "line 4: two accounts have the name a"),
        (A + 'parent = "b"', "line 3: there is no account b; there are: a"),
        (A + 'parent = "a"', "line 3: account a is above itself: a below a"),
        (
            A + 'parent = "b"\n[[accounts]]\nname = "b"\nparent = "a"',
            "line 3: account a is above itself: a below b below a",
        ),
        (A + 'shares = "none"', 'line 3: shares is a whole number, or "parent"'),
        (A + "shares = -1", "line 3: shares = -1 is not between"),
        (A + 'qos = ["normul"]', "line 3: there is no QOS normul; did you mean normal?"),
        (
            A + 'qos = ["normal"]\ndefault_qos = "interactive"',
            "line 4: the default QOS interactive is not one",
        ),
        (A + "limits = { gpu = 1 }", "line 3: there is no key gpu; did you mean gpus?"),
        (A + "limits = 3", "line 3: limits is a table; write [accounts.limits]"),
        (A + "[accounts.limits]\njobs = 1\ngpus = 1.5", "line 5: gpus = 1.5 is not a whole number"),
        (A + "limits.jobs = 1\nlimits.cpus = true", "line 4: cpus = true is not a number"),
        (A + A.replace('"a"', '"b"') + "per_job = { jobs = 1 }", "line 5: there is no key jobs"),
        (A + '[[users]]\nname = "ada"', "line 4: a table of [[users]] needs account"),
        (A + '[[users]]\nname = "ada"\naccount = "x"', "line 5: there is no account x; there are: a"),
        ('[[users]]\nname = "ada"\naccount = "x"', "line 3: there is no account x; there is none"),
        (
            A + '[[users]]\nname = "u"\naccount = "a"\n' * 2,
            "line 7: user u is in account a twice; keep one of the tables",
        ),
        ('[[qos]]\nname = "q"\npreempts = ["q"]', "line 3: QOS q preempts itself"),
        (
            '[[qos]]\nname = "q"\npreempt_mode = "kill"',
            'line 3: preempt_mode = "kill" is not one of off, requeue',
        ),
        ('[[qos]]\nname = "q"\nusage_factor = -1', "line 3: usage_factor = -1 is not between"),
        ('[[partitions]]\nname = "p"\nstate = "closed"', 'line 3: state = "closed" is not one of up, down'),
        ('[[partitions]]\nname = "p"\naccounts = ["a"]', "line 3: there is no account a; there is none"),
        (
            '[[partitions]]\nname = "p"\nnodes_min = 4\nnodes_max = 2',
            "line 4: nodes_max = 2 is not between 4",
        ),
        (
            '[[partitions]]\nname = "p"\nqos = ["normal"]\ndefault_qos = "interactive"',
            "line 4: the default QOS interactive is not one that is allowed here",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_rules(text, "rules.toml")
    assert f"rules.toml, {named}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_text_that_is_far_too_long_is_not_read() -> None:
    with pytest.raises(Invalid, match="larger than 1 MiB"):
        read_rules("#" * (1 << 20) + "\n", "rules.toml")


def test_nodes_are_those_of_the_cluster() -> None:
    text = '[[partitions]]\nname = "p"\nnodes = "n[1-3]"'
    assert read_rules(text, "rules.toml", {"n1", "n2", "n3"}).partitions["p"].nodes == ("n1", "n2", "n3")
    with pytest.raises(Invalid, match="line 3: partition p names the node n3, which is not there"):
        read_rules(text, "rules.toml", {"n1", "n2"})

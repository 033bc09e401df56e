"""sstat, seff, sshare and sreport say the same as the real ones of the same figures."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from launchyard.slurm import livefields, sharefields
from launchyard.slurm.accounting import Record
from launchyard.slurm.amounts import Units
from launchyard.slurm.columns import Style, chosen, lines
from launchyard.slurm.efficiency import report
from launchyard.slurm.moments import BadMoment, parse_moment
from launchyard.slurm.reports import (
    Account,
    Asked,
    Rows,
    accounts_by_user,
    amount,
    sizes_by_account,
    top_users,
    users_by_account,
    uses_of,
    utilization,
)

CAPTURED = Path(__file__).parents[1] / "data" / "slurm"
NOW = datetime(2026, 11, 21, 14, 30, 15).timestamp()
TOTAL_S = 2734 / 3600


def share(
    account: str, user: str | None, shares: int, norm: float, depth: int, **facts: Any
) -> dict[str, Any]:
    known = {"usage_norm": 0.0, "level": None, "factor": 1.0, "billed_hours": 0.0}
    return {
        **{"account": account, "user": user, "shares": shares, "shares_norm": norm, "depth": depth},
        **known,
        **facts,
    }


USED = {"usage_norm": 1.0, "billed_hours": TOTAL_S}
SHARES = [
    share("chem", None, 1, 1 / 2, 0),
    share("chem", "carol", 1, 1.0, 1),
    share("physics", None, 1, 1 / 2, 0, level=1 / 2, **USED),
    share("physics", "alice", 10, 0.625, 1, level=0.625, factor=0.2, **USED),
    share("physics", "bob", 5, 0.3125, 1, factor=0.6),
    share("physics", "root", 1, 0.0625, 1, factor=0.6),
]


def shares(text: str, style: Style, **choice: Any) -> str:
    fields = chosen(text, sharefields.FIELDS)
    wanted = {"users": None, "accounts": None, "users_only": False, **choice}
    found = sharefields.chosen_of(sharefields.tree(SHARES), **wanted)
    cells = ([sharefields.value(field.key, one, "lab") for field in fields] for one in found)
    return "".join(f"{line}\n" for line in lines(fields, cells, style))


def test_shares_are_printed_as_the_tree_that_the_real_sshare_prints() -> None:
    assert shares(sharefields.DEFAULT, Style()) == (CAPTURED / "sshare.txt").read_text()
    assert shares(sharefields.LONG, Style("|")) == (CAPTURED / "sshare-long.txt").read_text()


def test_the_parts_are_the_same_where_others_accounts_are_not_told() -> None:
    fields = chosen("account,user,normshares", sharefields.FIELDS)
    own = [one for one in SHARES if one["account"] == "physics" and one["user"] in (None, "alice")]
    found = sharefields.tree(own)

    cells = [[sharefields.value(field.key, one, "lab") for field in fields] for one in found]
    assert [row[2] for row in cells if row[:2] == [" physics", ""]] == ["0.333333"]


def test_accounts_that_are_named_begin_a_tree_of_their_own() -> None:
    text = shares("account,user", Style("|", header=False), accounts=frozenset({"physics"}))

    assert text.splitlines() == ["physics|", " physics|alice", " physics|bob", " physics|root"]


def test_own_shares_stand_without_a_tree() -> None:
    text = shares("account,user", Style("|", header=False), users=frozenset({"root"}), users_only=True)

    assert text.splitlines() == ["root|root", "physics|root"]


def test_what_running_jobs_may_still_use_goes_to_their_user_and_all_accounts_above() -> None:
    job = ran("alice", "physics", 0, None, 2) | {"state": "RUNNING", "time_limit_s": 3600}

    found = sharefields.with_running(sharefields.tree(SHARES), [job], 1800)

    minutes = {(one["account"], one["user"]): one["running"]["cpu"] for one in found if one["running"]["cpu"]}
    assert minutes == {("root", None): 60, ("physics", None): 60, ("physics", "alice"): 60}
    assert sharefields.value("tresrunmins", found[2], "lab").startswith(
        "cpu=0,mem=0,energy=0,node=0,billing=0,"
    )


def test_without_accounts_users_have_equal_shares_of_the_root() -> None:
    rows = [share("", "ada", 0, 0, 0, billed_hours=3.0), share("", "bob", 0, 0, 0, billed_hours=1.0)]

    root, ada, _ = sharefields.tree([{**row, "account": None} for row in rows])

    assert (root["billed_s"], ada["account"], ada["shares_norm"], ada["usage_norm"]) == (
        14400,
        "root",
        0.5,
        0.75,
    )


def test_sstat_has_the_columns_of_the_real_one() -> None:
    header = list(lines(chosen(livefields.DEFAULT, livefields.FIELDS), [], Style()))

    assert header == (CAPTURED / "sstat-header.txt").read_text().splitlines()


def test_sstat_prints_what_is_known_and_leaves_the_rest_blank() -> None:
    use = {"jobid": "7.batch", "nodes": ["n1"], "tasks": 1, "cpu_s": 61.5}
    use |= {"memory_mib": 10.0, "memory_peak_mib": 12.25}
    fields = ("jobid", "maxrss", "averss", "avecpu", "maxvmsize", "tresusageintot")

    shown = [livefields.value(field, use, Units()) for field in fields]

    assert shown == ["7.batch", "12544K", "10M", "00:01:01", "", "cpu=00:01:01,mem=12544K"]


def job(word: str = "COMPLETED", **facts: Any) -> Record:
    steps = [{"cpu_s": 50.0, "memory_peak_mib": 256.0}, {"cpu_s": 10.4, "memory_peak_mib": 512.0}]
    return {
        **{"raw": 31, "task_array": None, "task_index": None, "user": "alice", "word": word, "exit": (0, 0)},
        **{
            "cpus_milli": 4000,
            "nodes": ["n1", "n2"],
            "elapsed_s": 60,
            "got_memory_mib": 4096,
            "metadata": {},
        },
        **{"steps": steps},
        **facts,
    }


def test_seff_adds_the_cpu_time_of_steps_and_takes_the_memory_of_the_largest() -> None:
    assert list(report(job(), "lab", "users")) == [
        "Job ID: 31",
        "Cluster: lab",
        "User/Group: alice/users",
        "State: COMPLETED (exit code 0)",
        "Nodes: 2",
        "Cores per node: 2",
        "CPU Utilized: 00:01:00",
        "CPU Efficiency: 25.00% of 00:04:00 core-walltime",
        "Job Wall-clock time: 00:01:00",
        "Memory Utilized: 512.00 MB",
        "Memory Efficiency: 12.50% of 4.00 GB (2.00 GB/node)",
    ]


def test_seff_of_a_task_names_its_array_and_of_memory_a_core_says_so() -> None:
    told = job(task_array=30, task_index=4, cpus_milli=1000, metadata={"slurm.mem-per-cpu": "4G"})

    text = list(report(told, "lab", "users"))

    assert text[1] == "Array Job ID: 30_4"
    assert text[5] == "Cores: 1"
    assert text[-1] == "Memory Efficiency: 12.50% of 4.00 GB (4.00 GB/core)"


def test_seff_warns_of_a_job_that_runs_and_has_nothing_of_one_that_waits() -> None:
    running, waiting = (list(report(job(word), "lab", "users")) for word in ("RUNNING", "PENDING"))

    assert "State: RUNNING" in running
    assert running[-1].startswith(
        "WARNING: Efficiency statistics can only be obtained after the job has ended"
    )
    assert waiting[-1] == "Efficiency not available for jobs in the PENDING state."


def ran(user: str, account: str | None, begun: float, ended: float | None, cpus: int = 1) -> dict[str, Any]:
    return {
        **{"user": user, "uid": 1001, "account": account, "begun_at": begun, "ended_at": ended},
        **{"array_size": None, "nodes": ["n1"], "got_cpus_milli": cpus * 1000, "got_memory_mib": 100},
        **{"got_gpus": 0},
    }


def asked(**facts: Any) -> Asked:
    jobs = [
        ran("ada", "hep", 0, 3600, 2),
        ran("bob", "chem", 1800, 9000),
        ran("ada", "chem", -100, -50),
        ran("ada", "hep", 3000, None, 60),
    ]
    known: dict[str, Any] = {
        **{"cluster": "lab", "uses": uses_of(jobs, 0, 3600, 3060), "resources": ["cpu"], "unit": "minutes"},
        **{"accounts": [Account("chem", 1), Account("physics", 1), Account("hep", 2)]},
        **{"total": {"cpu": 100 * 3600}, "names": {1001: "Ada L"}},
    }
    return Asked(**{**known, **facts})


def cells(rows: Rows) -> list[list[str]]:
    return rows[1]


def test_only_what_lies_within_the_span_is_reported() -> None:
    assert [(use.user, use.seconds) for use in asked().uses] == [("ada", 3600), ("bob", 1800), ("ada", 60)]


def test_utilization_is_what_was_allocated_of_all_there_was() -> None:
    assert cells(utilization(asked())) == [["lab", "210", "0", "0", "5790", "0", "6000"]]
    assert cells(utilization(asked(unit="percent")))[0][1] == "3.50%"


def test_accounts_include_those_below_them_and_list_their_users() -> None:
    assert cells(accounts_by_user(asked(tree=True))) == [
        ["lab", "root", "", "", "210", "0"],
        ["lab", " chem", "", "", "30", "0"],
        ["lab", "  chem", "bob", "Ada L", "30", "0"],
        ["lab", " physics", "", "", "180", "0"],
        ["lab", "  hep", "", "", "180", "0"],
        ["lab", "   hep", "ada", "Ada L", "180", "0"],
    ]


def test_users_are_reported_by_account_and_by_what_they_used() -> None:
    ada, bob = ["lab", "ada", "Ada L", "hep", "180", "0"], ["lab", "bob", "Ada L", "chem", "30", "0"]

    assert cells(users_by_account(asked())) == [ada, bob]
    assert cells(top_users(asked(top=1))) == [ada]


def test_jobs_are_reported_by_their_size() -> None:
    fields, rows = sizes_by_account(asked())

    assert [field.name for field in fields][2:4] == ["0-49 CPUs", "50-249 CPUs"]
    assert rows == [["lab", "root", "150", "60", "0", "0", "0", "100.00%"]]
    assert cells(sizes_by_account(asked(job_count=True, flat=True))) == [
        ["lab", "chem", "1", "0", "0", "0", "0", "14.29%"],
        ["lab", "hep", "1", "1", "0", "0", "0", "85.71%"],
    ]


def test_users_who_are_named_are_reported_without_their_accounts() -> None:
    assert [row[1:3] for row in cells(accounts_by_user(asked(some_users=True)))] == [
        ["chem", "bob"],
        ["hep", "ada"],
    ]


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("seconds", "5400"),
        ("minutes", "90"),
        ("hours", "2"),
        ("percent", "50.00%"),
        ("hourper", "2(50.00%)"),
    ],
)
def test_amounts_are_told_in_the_unit_asked_for(unit: str, text: str) -> None:
    assert amount(5400, 10800, unit) == text


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("now", "2026-11-21T14:30:15"),
        ("now-1hour", "2026-11-21T13:30:15"),
        ("now+90", "2026-11-21T14:31:45"),
        ("now-2days", "2026-11-19T14:30:15"),
        ("now-3min", "2026-11-21T14:27:15"),
        ("today", "2026-11-21T00:00:00"),
        ("midnight", "2026-11-21T00:00:00"),
        ("noon", "2026-11-21T12:00:00"),
        ("teatime", "2026-11-21T16:00:00"),
        ("tomorrow", "2026-11-22T00:00:00"),
        ("16:00", "2026-11-21T16:00:00"),
        ("4:00:30pm", "2026-11-21T16:00:30"),
        ("12:15AM", "2026-11-21T00:15:00"),
        ("1120", "2026-11-20T00:00:00"),
        ("112025-10:00", "2025-11-20T10:00:00"),
        ("11/20", "2026-11-20T00:00:00"),
        ("11/20/25-10:30:15", "2025-11-20T10:30:15"),
        ("11.20.25", "2025-11-20T00:00:00"),
        ("2026-11-01", "2026-11-01T00:00:00"),
        ("2026-11-01T10:30", "2026-11-01T10:30:00"),
        ("2026-11-01-10:30:15", "2026-11-01T10:30:15"),
    ],
)
def test_points_in_time_are_read_in_all_forms(text: str, clock: str) -> None:
    assert datetime.fromtimestamp(parse_moment(text, NOW)).isoformat() == clock


@pytest.mark.parametrize(
    "text",
    ["", "foo", "25:00", "1:2:3:4", "now*2", "now+1fortnight", "2026-13-01", "13/45", "9" * 70, "now+"],
)
def test_what_is_no_point_in_time_is_refused(text: str) -> None:
    with pytest.raises(BadMoment):
        parse_moment(text, NOW)

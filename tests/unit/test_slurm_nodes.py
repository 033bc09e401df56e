"""sinfo and `scontrol show` print what real Slurm printed of the same cluster: tests/data/slurm/cluster."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from launchyard.cli.slurm import sinfo
from launchyard.slurm import clusterrecords, formats, nodefields, nodes, statistics
from launchyard.slurm.formats import Layout
from launchyard.slurm.hostlists import by_number, folded_in_order
from launchyard.slurm.nodes import Row
from launchyard.slurm.times import stamps

DATA = Path(__file__).parents[1] / "data" / "slurm" / "cluster"
SINCE = 1795271044.0


def node(name: str, used: int = 0, **more: Any) -> dict[str, Any]:
    return {
        **{"name": name, "state": "UP", "reason": None, "reason_user": None, "reason_at": None},
        **{"cpus": 4, "cpus_used_milli": 1000 * used, "memory_mib": 4000, "memory_used_mib": 100 * used},
        **{"memory_free_mib": 11298, "gpus": 2, "gpu_type": "fake", "gpus_used": 0, "gpu_ids_used": []},
        **{"features": ["lab"]},
        **{"jobs": min(used, 1), "completing": 0, "sockets": 1, "cores": 4, "threads": 1, "arch": "x86_64"},
        **{"os": "Linux 6.18.44-fc-v657 #1 SMP PREEMPT_DYNAMIC @0", "load": 19.456, "booted_at": SINCE},
        **{"served_since": SINCE, "partitions": ["debug", "short"], "reservation": None},
        **{"maintenance": False, "host": "vm", **more},
    }


def partition(name: str, names: Sequence[str], **more: Any) -> dict[str, Any]:
    return {
        **{"name": name, "default": False, "state": "up", "tier": 1, "priority": 1, "time_limit_s": 3600},
        **{
            "time_limit_max_s": None,
            "nodes_min": 1,
            "nodes_max": None,
            "accounts": [],
            "denied_accounts": [],
        },
        **{"qos": [], "denied_qos": [], "groups": [], "default_qos": None, "nodes": list(names)},
        **{"cpus": 4 * len(names), "memory_mib": 4000 * len(names), "gpus": 2 * len(names)},
        **{"preempt_mode": "requeue", **more},
    }


def cluster_of(found: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    names = [row["name"] for row in found]
    return list(found), [
        partition("debug", names, default=True),
        partition("short", names, time_limit_max_s=600, tier=10),
    ]


THREE = cluster_of([node("n1", 3), node("n2", 4), node("n3", 3)])
CLOSED = cluster_of(
    [
        node("n1", 4),
        node("n2", 2),
        node("n3"),
        node("n4", reservation="maint1", maintenance=True),
        node("n5", state="DRAIN", reason="bad disk", reason_user="root", reason_at=SINCE),
        node("n6", state="DOWN", reason="power gone", reason_user="root", reason_at=SINCE),
    ]
)


def printed(
    cluster: tuple[Sequence[Row], Sequence[Row]],
    layout: Layout,
    *,
    sort: str = "#P,-t",
    apart: bool = False,
    states: str = "",
    **how: bool,
) -> str:
    asked = nodes.wanted(states)
    shown = {row["name"]: row for row in cluster[0] if nodes.is_wanted(nodes.state_of(row), asked)}
    stamp = stamps(None, SINCE, time.gmtime, time.strftime, "Unknown")
    around = nodefields.Around(stamp, lambda user: 0, "22.05.8")
    found = nodefields.groups(layout.names, cluster[1], shown, apart=apart, **how)
    found = nodefields.in_order(found, sort, around)
    texts = {name: [nodefields.FIELDS[name].text(group, around) for group in found] for name in layout.names}
    lines = [formats.header(layout, nodefields.HEADERS), *formats.lines(layout, texts, len(found))]
    return "".join(f"{line}\n" for line in lines)


def by_letters(text: str) -> Layout:
    return formats.by_letters(text.replace("{p}", "9").replace("{n}", "9"), nodefields.LETTERS)


def captured(name: str) -> str:
    """Without the line with the date."""
    lines = (DATA / f"{name}.txt").read_text().splitlines(keepends=True)
    return "".join(lines[1:] if lines[0].startswith(("Fri ", "Sat ")) else lines)


@pytest.mark.parametrize(
    ("name", "layout", "apart"),
    [
        ("sinfo", sinfo.SHORT, False),
        ("sinfo-l", sinfo.LONG_BEFORE_23, False),
        ("sinfo-N", sinfo.NODE, True),
        ("sinfo-Nl", sinfo.NODE_LONG, True),
        ("sinfo-s", sinfo.SUMMARY, False),
        ("sinfo-o", "%P|%a|%l|%D|%t|%N|%C|%G|%m|%f|%E", False),
    ],
)
def test_three_nodes_are_printed_byte_for_byte_as_slurm_prints_them(
    name: str, layout: str, apart: bool
) -> None:
    sort = "N" if apart else "#P,-t"
    assert printed(THREE, by_letters(layout), apart=apart, sort=sort) == captured(name)


def test_closed_and_kept_nodes_are_printed_as_slurm_prints_them() -> None:
    assert printed(CLOSED, by_letters(sinfo.SHORT)) == captured("sinfo-closed")
    assert printed(CLOSED, by_letters(sinfo.NODE_LONG), apart=True, sort="N") == captured("sinfo-Nl-closed")


def test_reasons_are_listed_with_who_gave_them_and_when() -> None:
    listed = printed(CLOSED, by_letters(sinfo.REASONS_LONG), states="down,drain")

    assert listed == captured("sinfo-lR-closed")


def test_fields_are_chosen_by_name_too() -> None:
    names = "Available,CPUsState:20,NodeList:.30,GresUsed:40,StateComplete"
    layout = formats.by_names(names, nodefields.NAMES)
    one = (CLOSED[0], CLOSED[1][:1])

    assert printed(one, layout) == captured("sinfo-O-closed")


def test_nodes_of_several_partitions_count_once_where_the_partition_is_not_shown() -> None:
    assert printed(CLOSED, by_letters("%F/%C")).splitlines()[1:] == ["2/2/2/6/6/10/8/24"]


def test_every_letter_and_name_has_a_field() -> None:
    assert all(
        name in nodefields.FIELDS for name in (*nodefields.LETTERS.values(), *nodefields.NAMES.values())
    )
    every = printed(CLOSED, formats.by_letters("%all", nodefields.LETTERS)).splitlines()
    assert len({line.count("|") for line in every}) == 1


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("idle,alloc", "n1 n2 n3 n4 n5"),
        ("mixed", "n2"),
        ("drain", "n5"),
        ("draining", ""),
        ("DRAINED", "n5"),
        ("maint", "n4"),
        ("resv", "n4"),
        ("idle&drain", "n5"),
        ("down", "n6"),
        ("fail", ""),
        ("all", "n1 n2 n3 n4 n5 n6"),
    ],
)
def test_states_are_asked_for_as_with_slurm(asked: str, found: str) -> None:
    wanted = nodes.wanted(asked)

    assert [row["name"] for row in CLOSED[0] if nodes.is_wanted(nodes.state_of(row), wanted)] == found.split()


def test_a_word_that_is_no_state_is_said_back() -> None:
    with pytest.raises(nodes.UnknownState, match="nope"):
        nodes.wanted("idle,nope")


@pytest.mark.parametrize(
    ("facts", "compact", "full"),
    [
        ({"used": 2, "state": "DRAIN"}, "drng", "MIXED+DRAIN"),
        ({"used": 4, "completing": 1}, "comp", "IDLE+COMPLETING"),
        ({"used": 4, "jobs": 2, "completing": 1}, "alloc+", "ALLOCATED+COMPLETING"),
        ({"reservation": "r"}, "resv", "IDLE+RESERVED"),
        ({"used": 1, "reservation": "r"}, "mix", "MIXED+RESERVED"),
        ({"used": 1, "reservation": "r", "maintenance": True}, "mix$", "MIXED+MAINTENANCE+RESERVED"),
        (
            {"state": "DRAIN", "reservation": "r", "maintenance": True},
            "drain$",
            "IDLE+DRAIN+MAINTENANCE+RESERVED",
        ),
        ({"state": "DOWN"}, "down", "DOWN"),
        ({"used": 0, "jobs": 1}, "mix", "MIXED"),
    ],
)
def test_states_have_slurms_words(facts: dict[str, Any], compact: str, full: str) -> None:
    state = nodes.state_of(node("n1", **facts))

    assert (state.compact, state.full) == (compact, full)


def test_a_partition_without_nodes_to_show_has_a_line_of_its_own() -> None:
    assert printed(CLOSED, by_letters(sinfo.SHORT), states="fail", empty=True).splitlines()[1:] == [
        "debug*       up   infinite      0    n/a ",
        "short        up      10:00      0    n/a ",
    ]


def test_different_sizes_are_one_line_with_a_plus_unless_exact_lines_are_asked_for() -> None:
    unlike = ([node("n1"), node("n2", cpus=8)], [partition("debug", ["n1", "n2"])])

    assert printed(unlike, by_letters("%c %N")).splitlines()[1:] == ["4+ n[1-2]"]
    assert printed(unlike, by_letters("%c %N"), exact=True).splitlines()[1:] == ["4 n1", "8 n2"]


def test_nodes_of_different_hosts_or_used_memory_are_never_on_one_line() -> None:
    unlike = ([node("n1"), node("n2"), node("n3", 1)], [partition("debug", ["n1", "n2", "n3"])])

    assert printed(unlike, by_letters("%n %P")).splitlines()[1:] == ["n3 debug", "n1 debug", "n2 debug"]
    layout = formats.by_names("NodeList:9,AllocMem:4", nodefields.NAMES)
    assert printed(unlike, layout).splitlines()[1:] == ["n3       100 ", "n[1-2]   0   "]


def test_gpus_in_use_are_told_with_their_numbers() -> None:
    used = ([node("n1", gpus_used=1, gpu_ids_used=[1])], [partition("debug", ["n1"])])

    assert printed(used, formats.by_names("GresUsed:30", nodefields.NAMES)).split()[1:] == [
        "gpu:fake:1(IDX:1)"
    ]


def test_a_reason_cannot_forge_a_row() -> None:
    forged = ([node("n1", state="DRAIN", reason="x\nn2 idle\x1b[2J")], [partition("debug", ["n1"])])

    assert printed(forged, by_letters("%N %E")).splitlines()[1:] == [r"n1 x\nn2 idle\x1b[2J"]


def test_a_node_in_full_has_every_line_of_slurms() -> None:
    stamp = stamps(None, SINCE, time.gmtime, time.strftime, "None")
    record = clusterrecords.node(node("n1", 3), stamp, "22.05.8")
    names = [word.split("=")[0] for word in " ".join(record).split() if "=" in word]
    expected = [word.split("=")[0] for word in captured("node").split() if "=" in word]

    assert names == expected
    assert "   State=MIXED ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A\n" in captured("node")
    assert "State=MIXED ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A" in record
    assert clusterrecords.laid_out(record, oneliner=True).count("\n") == 1
    assert clusterrecords.laid_out(record, oneliner=False).endswith("ExtSensorsTemp=n/s\n\n")


def test_a_drained_node_says_why_by_whom_and_when() -> None:
    stamp = stamps(None, SINCE, time.gmtime, time.strftime, "None")

    assert f"   {clusterrecords.node(CLOSED[0][4], stamp, '22.05.8')[-1]}\n" in captured("node-drained")


def test_a_partition_in_full_is_printed_byte_for_byte_as_slurm_prints_it() -> None:
    found = clusterrecords.laid_out(clusterrecords.partition(THREE[1][0]), oneliner=False)

    assert found == captured("partition")


def test_reservations_in_full_are_printed_byte_for_byte_as_slurm_prints_them() -> None:
    stamp = stamps(None, SINCE, time.gmtime, time.strftime, "None")
    kept: dict[str, Any] = {"accounts": [], "users": []}
    maint = {
        **kept,
        "name": "maint1",
        "start": SINCE,
        "end": SINCE + 3600,
        "nodes": ["n4"],
        "maintenance": True,
    }
    alice = {
        "name": "alicer",
        "start": SINCE + 3600,
        "end": SINCE + 10800,
        "nodes": ["n3"],
        "users": ["alice"],
    }
    found = "".join(
        clusterrecords.laid_out(clusterrecords.reservation(row, 4, stamp, SINCE + 2), oneliner=False)
        for row in (maint, {**kept, "maintenance": False, **alice})
    )

    assert found == captured("reservation")


def test_licences_are_printed_byte_for_byte_as_slurm_prints_them() -> None:
    found = [{"name": "ansys", "count": 2, "used": 0}, {"name": "matlab", "count": 4, "used": 3}]

    assert "".join(clusterrecords.licence(row, oneliner=False) for row in found) == captured("licenses")


def test_node_lists_are_folded_in_the_order_written() -> None:
    names = ["n3", "n1", "n2", "n2"]

    assert folded_in_order(names) == "n[3,1-2,2]"
    assert folded_in_order(by_number(names)) == "n[1-2,2-3]"
    assert folded_in_order(["a1", "b1", "b2", "gate", "n08", "n09", "n10"]) == "a1,b[1-2],gate,n[08-09,10]"
    assert folded_in_order(["n7"]) == "n7"


def test_the_counters_have_slurms_names() -> None:
    found = {
        **{"now": SINCE + 60, "since": SINCE, "states": {"RUNNING": 2}, "cycles": 3, "last_at": SINCE + 50},
        **{
            "last_s": 0.0002,
            "max_s": 0.004,
            "total_s": 0.006,
            "last_depth": 1,
            "total_depth": 6,
            "planned": 2,
        },
        "jobs": {"submitted": 2, "started": 2, "completed": 0, "cancelled": 0, "failed": 0},
    }
    told = statistics.text(found, lambda at: time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(at)))
    names = {line.split(":")[0] for line in told.splitlines() if ":" in line}

    assert names <= {line.split(":")[0] for line in captured("sdiag").splitlines()}
    assert "Jobs submitted: 2\n" in told
    assert "\tMean cycle:   2000\n" in told

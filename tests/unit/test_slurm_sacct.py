"""sacct prints the same bytes as the real one for the same jobs, and counts jobs by the same rules."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from launchyard.slurm import accountjson
from launchyard.slurm.accountfields import BRIEF, DEFAULT, FIELDS, LONG, Ways, value
from launchyard.slurm.accounting import Record, Span, counts, records, truncated
from launchyard.slurm.amounts import Units, short_clock
from launchyard.slurm.columns import Style, UnknownField, chosen, lines, listing
from launchyard.slurm.selection import BadSelection, Selection

CAPTURED = Path(__file__).parents[1] / "data" / "slurm"
DAY = datetime(2026, 11, 21, 14, tzinfo=UTC).timestamp()
LATER = DAY + 3600
PLAIN = "jobid,jobname,state,exitcode,derivedexitcode,elapsed,reqmem,alloctres,submit,start,end,nodelist"

Row = dict[str, Any]


def at(clock: str) -> float:
    """`07:58` of that hour."""
    minute, second = clock.split(":")
    return DAY + int(minute) * 60 + int(second)


def row(id: int, name: str, begun: str | None = None, ended: str | None = None, **facts: Any) -> Row:
    """A job as the server tells of it."""
    known: Row = {
        **{"id": id, "name": name, "user": "alice", "uid": 1003, "account": "physics", "partition": "debug"},
        **{"qos": "normal", "kind": "batch", "state": "COMPLETED", "reason_code": None, "cause": None},
        **{"exit_code": None, "signal": None, "held": False, "nodes": ["n1"] if begun else []},
        **{"array_size": None, "array_pending": None, "array_ended": None, "array_throttle": None},
        **{
            "task_array": None,
            "task_index": None,
            "part_of": None,
            "submitted_at": at("07:58"),
            "time_limit_s": 3600,
        },
        **{"begun_at": at(begun) if begun else None, "ended_at": at(ended) if ended else None},
        **{"eligible_at": at("07:58"), "suspended_s": 0, "suspended_at": None, "constraint": ""},
        **{"cpus_asked_milli": 1000, "memory_asked_mib": 100, "asked_gpus": 0, "asked_nodes": 1},
        **{"got_cpus_milli": 1000, "got_memory_mib": 100, "got_gpus": 0, "licences": {}, "reservation": ""},
        "got_on_first": None,
        **{"attempt": 1, "cpu_s": None, "memory_peak_mib": None, "read_mib": None, "written_mib": None},
        **{"past": [], "metadata": {}, "working_dir": "/home/alice"},
    }
    return {**known, **facts}


def task(id: int, index: int, begun: str, ended: str) -> Row:
    return row(id, "arr", begun, ended, exit_code=0, nodes=["n2"], task_array=5, task_index=index)


def step(job: int, number: int, name: str, code: int | None, **facts: Any) -> Row:
    known: Row = {
        **{
            "job_id": job,
            "attempt": 1,
            "step": number,
            "name": name,
            "exit_code": code,
            "signal": None,
            "cause": None,
        },
        **{"state": "FAILED" if code else "COMPLETED", "started_at": at("07:59"), "ended_at": at("07:59")},
        **{"nodes": ["n1"], "tasks": 1, "cpus_milli": 1000, "memory_mib": 100, "gpus": 0, "cpu_s": 0},
        **{"memory_peak_mib": None},
    }
    return {**known, **facts}


HISTORY = [
    row(1, "ok", "07:58", "07:58", exit_code=0),
    row(2, "fail3", "07:58", "07:59", state="FAILED", exit_code=3),
    row(3, "sig9", "07:58", "07:59", state="FAILED", signal=9, nodes=["n2"]),
    row(4, "sigterm", "07:58", "07:59", state="FAILED", signal=15, nodes=["n2"]),
    row(5, "arr", array_size=4, array_pending="", array_ended="", array_throttle=2),
    row(7, "cancelme", "07:58", "10:07", state="CANCELLED", cause="cancelled by root", nodes=["n3"]),
    row(8, "limit", "07:58", "09:09", state="TIMEOUT", signal=15, nodes=["n3"]),
    row(10, "steps", "07:58", "07:59", exit_code=0, cpus_asked_milli=2000, got_cpus_milli=2000)
    | {"memory_asked_mib": 200, "got_memory_mib": 200},
    row(12, "sruncmd", "07:59", "07:59", exit_code=0, kind="driver"),
    task(21, 6, "08:02", "08:05"),
    task(13, 0, "07:58", "08:02"),
    task(22, 9, "08:02", "08:05"),
    task(14, 3, "07:58", "08:02"),
    row(16, "srunfail", "07:59", "07:59", state="FAILED", exit_code=7, kind="driver")
    | {"submitted_at": at("07:59")},
    row(20, "cancelpending", None, "10:07", state="CANCELLED", cause="cancelled by root")
    | {"submitted_at": at("07:59"), "eligible_at": None},
]
STEPS = {
    (10, 1): [
        step(10, 0, "true", 0, cpus_milli=2000, tasks=2),
        step(10, 1, "false", 1, cpus_milli=2000, tasks=2),
        step(10, 2, "sh", None, state="FAILED", signal=11, cpus_milli=2000),
    ],
    (12, 1): [step(12, 0, "sruncmd", 0)],
    (16, 1): [step(16, 0, "srunfail", 7)],
}


def stamp(moment: float | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def ways(units: Units | None = None) -> Ways:
    group = {1003: ("1004", "alice")}
    return Ways(units or Units(), stamp, {"root": 0}.get, lambda uid: group.get(uid, ("", "")), "lab", LATER)


def printed(
    rows: Iterable[Row], fields: str, style: Style | None = None, *, steps: bool = True, past: bool = False
) -> str:
    wanted = chosen(fields, FIELDS)
    found: list[Record] = []
    for job in records(rows, LATER, steps=STEPS, past=past):
        found += [job, *job["steps"]] if steps else [job]
    cells = ([value(field.key, record, ways()) for field in wanted] for record in found)
    return "".join(f"{line}\n" for line in lines(wanted, cells, style or Style()))


def captured(name: str) -> str:
    return (CAPTURED / name).read_text()


@pytest.mark.parametrize(
    ("name", "fields", "style", "steps"),
    [
        ("default", DEFAULT, Style(), True),
        ("brief", BRIEF, Style(), True),
        ("parsable", DEFAULT, Style("|", ending=True), True),
        ("parsable2", BRIEF, Style("|", header=False), True),
        ("allocations", PLAIN, Style(), False),
    ],
)
def test_jobs_are_printed_byte_for_byte_as_by_the_real_sacct(
    name: str, fields: str, style: Style, steps: bool
) -> None:
    assert printed(HISTORY, fields, style, steps=steps) == captured(f"sacct/{name}.txt")


def test_widths_are_kept_on_both_sides_and_text_that_is_cut_ends_in_a_plus() -> None:
    some = [one for one in HISTORY if one["id"] in (1, 10)]

    assert printed(some, "jobid%-5,jobname%3,state%4,user%2") == captured("sacct/widths.txt")


def test_facts_of_a_job_are_printed_as_by_the_real_sacct() -> None:
    some = [one for one in HISTORY if one["id"] in (1, 10)]
    fields = "jobid,uid,user,group,qos,timelimit,timelimitraw,reqtres,ncpus,nnodes,cputime,cputimeraw,workdir"

    assert printed(some, f"{fields},elapsedraw", Style("|"), steps=False) == captured("sacct/facts.txt")


def test_a_job_that_never_started_has_its_place_and_its_times_in_words() -> None:
    held = row(6, "held", state="PENDING", held=True, eligible_at=None, reason_code="held")
    cancelled = HISTORY[-1]
    fields = "jobid,start,end,eligible,nodelist,nnodes,allocnodes,alloccpus"
    expected = [line[:119] for line in captured("sacct/never-started.txt").splitlines()]

    assert [line.rstrip() for line in printed([held, cancelled], fields, steps=False).splitlines()] == [
        line.rstrip() for line in expected
    ]


def test_tasks_that_wait_are_one_row_after_those_that_ran() -> None:
    ran = [("9_1", 15), ("9_2", 22), ("9_3", 23), ("9_4", 25), ("9_6", 26)]
    rows = [row(9, "arr2", state="RUNNING", array_size=20, array_pending="8-20", array_throttle=1)]
    rows += [
        row(id, "arr2", "07:58", "14:39", exit_code=0, task_array=9, task_index=int(name[2:]))
        for name, id in ran
    ]
    rows.append(row(27, "arr2", "41:20", state="RUNNING", task_array=9, task_index=7))

    assert printed(rows, DEFAULT, steps=False) == captured("sacct/array.txt")


def test_each_run_of_a_requeued_job_is_a_record_of_its_own() -> None:
    first = {
        **{"number": 1, "state": "CANCELLED", "cause": "requeued", "exit_code": None, "signal": 15},
        **{"nodes": ["n3"], "started_at": at("07:58"), "ended_at": at("10:07")},
    }
    job = row(11, "requeueme", "12:09", "15:30", exit_code=0, attempt=2, past=[first])
    steps = {(11, 1): [step(11, 0, "sleep", 0)], (11, 2): [step(11, 0, "sleep", 0, attempt=2)]}
    wanted = chosen(DEFAULT, FIELDS)
    found = [one for run in records([job], LATER, past=True, steps=steps) for one in [run, *run["steps"]]]
    cells = ([value(field.key, record, ways()) for field in wanted] for record in found)

    assert "".join(f"{line}\n" for line in lines(wanted, cells, Style())) == captured("sacct/duplicates.txt")
    assert [len(records([job], LATER, past=past)) for past in (True, False)] == [2, 1]


def test_what_was_put_back_into_the_queue_stands_where_it_was_submitted_again() -> None:
    early = row(1, "again", "08:10", "08:20", submitted_at=at("07:58"))
    early["past"] = [{"number": 1, "state": "NODE_FAIL", "begun_at": at("07:58"), "ended_at": at("08:05")}]
    rows = [early, row(2, "second", "08:00", "08:01", submitted_at=at("08:00"))]

    assert [one["raw"] for one in records(rows, LATER)] == [2, 1]


def test_every_field_of_the_real_sacct_is_known_with_its_name() -> None:
    names = captured("sacct/helpformat.txt").split()

    assert [name for name in names if name.lower() not in FIELDS] == []
    assert {FIELDS[name.lower()].name for name in names} == set(names)
    assert list(listing(["Account", "AdminComment", "AllocCPUS", "AllocNodes"])) == [
        captured("sacct/helpformat.txt").splitlines()[0]
    ]


def test_the_long_format_has_as_many_fields_as_the_real_one() -> None:
    line = printed([HISTORY[0]], LONG, Style("|", header=False), steps=False)

    assert line.startswith("1|1|ok|debug|||")
    assert line.count("|") == 53


def test_what_a_batch_script_used_is_the_job_without_its_steps() -> None:
    job = row(10, "steps", "07:58", "09:58", exit_code=0, cpu_s=12.5, memory_peak_mib=309.42)
    (record,) = records([job], LATER, steps={(10, 1): [step(10, 0, "true", 0, cpu_s=2.5)]})
    batch, _ = record["steps"]

    assert (batch["cpu_s"], value("totalcpu", record, ways())) == (10.0, "00:12.500")
    assert value("maxrss", batch, ways()) == "316846K"
    assert value("maxrss", batch, ways(Units("M"))) == "309.42M"
    assert value("maxrss", batch, ways(Units("G"))) == "0.30G"
    assert value("maxrss", batch, ways(Units(exact=True))) == "324450304"
    assert value("maxrss", record, ways()) == ""


def test_a_batch_script_has_what_the_job_has_on_its_first_node() -> None:
    job = row(10, "wide", "07:58", "09:58", nodes=["n1", "n2"], got_cpus_milli=4000)
    (record,) = records([job | {"got_on_first": [3000, 75, 1]}], LATER, steps={})
    (batch,) = record["steps"]

    assert value("alloctres", record, ways()) == "billing=4,cpu=4,mem=100M,node=2"
    assert value("alloctres", batch, ways()) == "cpu=3,gres/gpu=1,mem=75M,node=1"


@pytest.mark.parametrize(
    ("state", "facts", "job", "batch"),
    [
        ("OUT_OF_MEMORY", {"signal": 9}, ("OUT_OF_MEMORY", "0:125"), ("OUT_OF_MEMORY", "0:125")),
        ("NODE_FAIL", {}, ("NODE_FAIL", "1:0"), ("CANCELLED", "0:15")),
        ("LOST", {}, ("NODE_FAIL", "1:0"), ("CANCELLED", "0:15")),
        ("PREEMPTED", {"signal": 15}, ("PREEMPTED", "0:0"), ("CANCELLED", "0:15")),
        ("CANCELLED", {"cause": "cancelled by alice"}, ("CANCELLED by 1003", "0:0"), ("CANCELLED", "0:15")),
        ("CANCELLED", {"cause": "its node left"}, ("CANCELLED", "0:0"), ("CANCELLED", "0:15")),
        ("FAILED", {"exit_code": None}, ("FAILED", "1:0"), ("FAILED", "1:0")),
    ],
)
def test_ends_have_their_words_and_codes(
    state: str, facts: Row, job: tuple[str, str], batch: tuple[str, str]
) -> None:
    (record,) = records([row(1, "a", "07:58", "07:59", state=state, **facts)], LATER)

    assert _end(record) == job
    assert _end(record["steps"][0]) == batch


def _end(record: Record) -> tuple[str, str]:
    return value("state", record, ways()), value("exitcode", record, ways())


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (Span(at("07:00"), LATER), [1, 7, 30, 31]),
        (Span(at("09:00"), LATER), [7, 30, 31]),
        (Span(0, at("07:58")), []),
        (Span(0, LATER, named=True), [1, 7, 30, 31, 20]),
        (Span(at("09:00"), LATER, frozenset({"RUNNING"})), [7, 30]),
        (Span(LATER, LATER, frozenset({"RUNNING"})), [30]),
        (Span(LATER, LATER, frozenset({"PENDING"})), [31]),
        (Span(0, LATER, frozenset({"PENDING"})), [1, 7, 30, 31]),
        (Span(at("07:00"), at("09:00"), frozenset({"COMPLETED", "CANCELLED"})), [1]),
        (Span(at("07:00"), LATER, frozenset({"COMPLETED", "CANCELLED"})), [1, 7, 20]),
        (Span(0, LATER, frozenset({"SUSPENDED"})), []),
    ],
)
def test_a_job_counts_where_it_was_in_the_state_within_the_span(span: Span, expected: list[int]) -> None:
    rows = [
        HISTORY[0],
        HISTORY[5],
        row(30, "runs", "08:00", state="RUNNING"),
        row(31, "waits", state="PENDING"),
    ]

    found = [one for one in records([*rows, HISTORY[-1]], LATER) if counts(one, span)]

    assert {one["raw"] for one in found} == set(expected)


def test_a_truncated_job_ran_within_the_span_alone() -> None:
    (record,) = records([HISTORY[5]], LATER)

    cut = truncated(record, Span(at("08:00"), at("09:00")))

    assert (cut["start"], cut["end"], cut["elapsed_s"]) == (at("08:00"), at("09:00"), 60)


def test_waiting_tasks_are_rows_of_their_own_where_they_are_asked_for() -> None:
    rest = row(9, "arr", state="PENDING", array_size=20, array_pending="2-4,8", array_throttle=None)

    each = [record["jobid"] for record in records([rest], LATER, each_task=True)]
    named = [record["jobid"] for record in records([rest], LATER, named=["9_3", "9_7"])]

    assert each == ["9_2", "9_3", "9_4", "9_8"]
    assert named == ["9_3"]


def test_tasks_cancelled_before_they_started_stay_visible() -> None:
    rest = row(9, "arr", None, "10:07", state="CANCELLED", array_size=5, array_pending="", array_ended="2-5")

    (record,) = records([rest], LATER)

    assert (record["jobid"], record["word"], record["steps"]) == ("9_[2-5]", "CANCELLED", [])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("jobid", ["JobID"]),
        ("JobI,sta", ["JobID", "Start"]),
        ("job", ["JobID"]),
        (" jobid , state ", ["JobID", "State"]),
        ("jobid,,state", ["JobID"]),
        ("TRESUsageInMax,tresusageinmaxn", ["TRESUsageInMax", "TRESUsageInMaxNode"]),
    ],
)
def test_fields_are_known_by_their_beginning(text: str, names: Sequence[str]) -> None:
    assert [field.name for field in chosen(text, FIELDS)] == names


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(UnknownField, match="bogus"):
        chosen("jobid,bogus%5", FIELDS)


def test_control_characters_never_begin_a_row_of_their_own() -> None:
    evil = row(1, "a\n2|x\x1b[2J\r", "07:58", "07:58", exit_code=0)

    text = printed([evil], "jobid,jobname%40", steps=False)

    assert len(text.splitlines()) == 3
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("12", {"12": None}),
        ("12.batch,12.0", {"12": {".batch", ".0"}}),
        ("12.0,12", {"12": None}),
        ("5_3, 7", {"5_3": None, "7": None}),
        ("5_[1-3:2,7].batch", {f"5_{index}": {".batch"} for index in (1, 3, 7)}),
    ],
)
def test_jobs_and_steps_are_named_in_lists(text: str, steps: dict[str, set[str] | None]) -> None:
    assert Selection(text).steps == steps


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("abc", "Bad job/step specified: abc"),
        ("10.x", "Bad step specified: 10"),
        ("5_[1-3:0]", "Bad job array element specified: 5"),
        ("5_[0-999999999]", "Bad job array element specified: 5"),
        ("5_", "Bad job array element specified: 5"),
    ],
)
def test_what_names_no_job_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(BadSelection, match=sentence):
        Selection(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00:00"),
        (3.286, "00:03.286"),
        (59.9, "00:59.900"),
        (3600.5, "01:00:00"),
        (90_061, "1-01:01:01"),
    ],
)
def test_cpu_time_is_printed_as_slurm_does(seconds: float, text: str) -> None:
    assert short_clock(seconds) == text


def test_json_has_numbers_that_may_be_missing_and_states_as_lists() -> None:
    (record,) = records([HISTORY[1] | {"time_limit_s": None}], LATER)

    told = accountjson.job(record, ways())

    assert told["state"] == {"current": ["FAILED"], "reason": "None"}
    assert told["exit_code"]["return_code"] == {"set": True, "infinite": False, "number": 3}
    assert told["time"]["limit"] == {"set": False, "infinite": True, "number": 0}
    assert [one["type"] for one in told["tres"]["allocated"]] == ["cpu", "mem", "node", "billing"]
    assert told["steps"][0]["step"] == {"id": "2.batch", "name": "batch"}

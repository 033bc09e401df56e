"""What squeue and scontrol print of jobs, against what Slurm printed (tests/data/slurm)."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from launchyard.slurm import formats, jobfields, jobjson, jobrecord, jobsort, states, times
from launchyard.slurm.facts import Facts
from launchyard.slurm.indexes import NotAnId, Wanted, read_ids, read_spans, shared
from launchyard.slurm.jobchoice import Choice, one_row_a_task
from launchyard.slurm.reasons import word
from launchyard.slurm.version import data_parser
from tests.unit.slurmjobs import T0, facts, job, running

DATA = Path(__file__).parents[1] / "data" / "slurm" / "jobs"

DEFAULT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"


def printed(given: Facts, layout: formats.Layout, keys: str = "P,t,-p") -> list[str]:
    given.only(jobsort.in_order(given, jobsort.keys_of(keys)))
    texts = {name: jobfields.FIELDS[name].make(given) for name in layout.names}
    return [formats.header(layout, jobfields.HEADERS), *formats.lines(layout, texts, given.count)]


def letters(given: Facts, text: str, keys: str = "P,t,-p") -> list[str]:
    return printed(given, formats.by_letters(text, jobfields.LETTERS), keys)


def captured(name: str) -> list[str]:
    return (DATA / name).read_text().splitlines()


def the_lab() -> list[dict[str, Any]]:
    """The queue of the capture, ids for priorities where the real ones are equal."""
    waits = [
        job(id=17, node_count=250, reason_code="impossible", reason_scope="nodes", priority=11101),
        job(id=16, node_count=20, reason_code="impossible", reason_scope="nodes", priority=11100),
        job(id=12, name="later", reason_code="begin", begin_at=T0 + 3600),
        job(id=15, name="lic2", reason_code="licences", priority=11019),
        job(id=11, name="single", reason_code="dependency", priority=11018),
        job(id=7, name="dep", reason_code="dependency", reason_scope="never", priority=11017),
        job(id=6, name="held", reason_code="held", priority=0),
    ]
    task = {"name": "arr", "task_array": 5, "started_at": T0 + 21}
    runs = [
        running(1, "n1", name="long", started_at=T0 + 1, priority=11025, time_limit_s=600),
        running(13, "n2", name="excl", started_at=T0 + 22, priority=11020),
        running(24, "n3", **{**task, "started_at": T0 + 22}, task_index=6, priority=11019),
        running(25, "n1", **{**task, "started_at": T0 + 22}, task_index=9, priority=11018),
        running(14, "n3", name="lic1", started_at=T0 + 3, priority=11017),
        running(10, "n3", name="single", started_at=T0 + 1, priority=11016),
    ]
    late = job(id=19, partition="short", reason_code="partition-limit", reason_scope="time")
    return [*waits, *runs, late]


def test_default_format_is_slurms_byte_for_byte() -> None:
    lines = letters(facts(*the_lab()), DEFAULT)

    assert lines == captured("squeue.txt")


def test_long_format_is_slurms_byte_for_byte() -> None:
    long = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"

    lines = letters(facts(*the_lab(), now=T0 + 105), long)

    assert lines == captured("squeue-long.txt")[1:]


def test_start_format_is_slurms_byte_for_byte() -> None:
    waiting = [one for one in the_lab() if one["state"] == "PENDING"]

    lines = letters(facts(*waiting), "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R", "S")

    assert lines == captured("squeue-start.txt")


def test_times_reasons_and_sizes_are_slurms_in_every_state() -> None:
    began, hour = T0 + 1, 3600
    jobs = [
        running(
            23, "n1", name="hostname", state="COMPLETED", ended_at=T0 + 2, cpus_milli=2000, priority=11025
        )
        | {"memory_mib": 100},
        running(32, "n1", name="bash", state="COMPLETED", submitted_at=T0 + 95, started_at=T0 + 96, gpus=1)
        | {"ended_at": T0 + 96},
        running(34, "n1", name="waitjob", state="FAILED", exit_code=5, submitted_at=T0 + 102)
        | {"started_at": T0 + 103, "ended_at": T0 + 103},
        running(27, "n1", name="bash", state="FAILED", signal=11, submitted_at=T0 + 3, started_at=T0 + 8)
        | {"ended_at": T0 + 8},
        job(id=12, name="later", reason_code="begin", begin_at=T0 + hour),
        running(1, "n1", name="long", submitted_at=T0 - 1, started_at=began, time_limit_s=600)
        | {"cpus_milli": 2000, "priority": 11025},
        running(29, "n1", name="sleep", state="TIMEOUT", time_limit_s=60, submitted_at=T0 + 13)
        | {"started_at": T0 + 18, "ended_at": T0 + 88},
    ]

    lines = letters(facts(*jobs, now=T0 + 105), "%i|%j|%T|%r|%V|%S|%e|%l|%L|%Q|%C|%m|%b", "t,-p")

    known = captured("squeue-all.txt")
    assert [line for line in lines if line not in known] == []


def test_records_of_a_job_have_every_line_that_slurm_prints() -> None:
    out = "/home/alice/cap/slurm-1.out"
    given = facts(
        running(1, "n1", name="long", submitted_at=T0 - 1, eligible_at=T0 - 1, time_limit_s=600)
        | {"cpus_milli": 2000, "memory_mib": 200, "cpus_asked_milli": 2000, "memory_asked_mib": 200}
        | {"task_count": 2, "priority": 11025, "stdout_path": out, "stderr_path": out}
        | {"metadata": {"slurm.mem-per-cpu": "100", "slurm.sid": "29393", "slurm.mincpus": "1"}},
        now=T0 + 105,
        unknown="Unknown",
    )

    record = "".join(jobrecord.records(given, oneliner=False, details=False))
    line = "".join(jobrecord.records(given, oneliner=True, details=False))

    added = ("   ReqTRES=", "   AllocTRES=")
    kept = [one for one in record.splitlines() if not one.startswith(added)]
    assert kept == captured("show-job.txt")
    known = captured("show-job-oneline.txt")[0].split()
    assert [word for word in line.split() if word not in known] == [
        "ReqTRES=cpu=2,mem=200M,node=1,billing=2",
        "AllocTRES=cpu=2,mem=200M,node=1,billing=2",
    ]


@pytest.mark.parametrize(
    ("asked", "texts", "line"),
    [
        (None, "gres:gpu:2|N/A|N/A|N/A", "TresPerNode=gres:gpu:2"),
        ("node", "gres:gpu:2|N/A|N/A|N/A", "TresPerNode=gres:gpu:2"),
        ("job", "N/A|gres:gpu:2|N/A|N/A", "TresPerJob=gres:gpu:2"),
        ("task", "N/A|N/A|gres:gpu:1|N/A", "TresPerTask=gres:gpu:1"),
        ("socket", "N/A|N/A|N/A|gres:gpu:2", "TresPerSocket=gres:gpu:2"),
        ("", "N/A|N/A|N/A|N/A", ""),
    ],
)
def test_gpus_are_told_of_what_they_were_asked_for(asked: str | None, texts: str, line: str) -> None:
    given = facts(job(gpus=2, task_count=2, gpus_asked=asked))
    layout = formats.by_names(
        "tres-per-node:|,tres-per-job:|,tres-per-task:|,tres-per-socket:", jobfields.NAMES
    )
    record = "".join(jobrecord.records(given, oneliner=False, details=False))

    assert printed(given, layout)[1].rstrip() == texts
    assert [word for word in record.split() if word.startswith("TresPer")] == line.split()


def test_details_of_a_job_tell_the_type_and_the_numbers_of_its_gpus() -> None:
    shares = [["n1", 1000, 100, [0], [0, 1], 1], ["n2", 1000, 100, [0], [1], 1]]
    given = facts(
        running(1, "n[1-2]", shares=shares, gpus=3), gpu_types={"n1": "a100", "n2": "a100", "n3": None}
    )

    record = "".join(jobrecord.records(given, oneliner=False, details=True))

    assert [line.strip() for line in record.splitlines() if "GRES" in line] == [
        "JOB_GRES=gpu:a100:3",
        "Nodes=n1 CPU_IDs=0 Mem=100 GRES=gpu:a100:2(IDX:0-1)",
        "Nodes=n2 CPU_IDs=0 Mem=100 GRES=gpu:a100:1(IDX:1)",
    ]


def test_names_with_escapes_and_newlines_stay_in_their_row() -> None:
    given = facts(job(name="a\nb 7 debug\x1b[31m\x07", metadata={"slurm.comment": "x\ny"}))

    lines = letters(given, "%i|%j|%k")

    assert lines[1:] == ["1|a\\nb 7 debug\\x1b[31m\\x07|x\\ny"]
    record = "".join(jobrecord.records(given, oneliner=False, details=False))
    assert "\x1b" not in record
    assert "JobName=a\\nb 7 debug" in record.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("abc%i%%x%j", "abc11wrap"),
        ("%.3D|%3D|%.1D", "  1|1  |1"),
        ("%i\x1f%j\x1e", "1\x1fwrap\x1e"),
        ("%ixyz%5jq", "1xyzwrap q"),
        ("%?|%i", "%?|1"),
        ("%i 100%", "1 100"),
        ("%.2i|%2j", " 1|wr"),
    ],
)
def test_formats_by_letter_are_read_as_slurm_reads_them(text: str, line: str) -> None:
    assert letters(facts(job()), text)[1] == line.replace("abc11", "abc1")


def test_formats_by_name_take_widths_and_any_text_behind() -> None:
    layout = formats.by_names("jobid:5,name:.3,state:|,statecompact:;x,bogus,username", jobfields.NAMES)

    lines = printed(facts(job()), layout)

    assert layout.unknown == ["bogus"]
    assert lines == ["JOBIDNAMSTATE|ST;xUSER                ", "1    wraPENDING|PD;xalice               "]


def test_all_fields_can_be_printed_by_letter_and_by_name() -> None:
    by_name = ",".join(f"{name}:|" for name in jobfields.NAMES)

    lines = letters(facts(*the_lab()), "%all")
    named = printed(facts(*the_lab()), formats.by_names(by_name, jobfields.NAMES))

    assert {line.count("|") for line in lines} == {len(jobfields.LETTERS) - 1}
    assert {line.count("|") for line in named} == {len(jobfields.NAMES)}


def test_an_array_that_waits_is_one_row_and_long_lists_are_cut() -> None:
    long = ",".join(str(one) for one in range(1, 99, 2))
    rows = (
        job(id=6, array_pending="3-6", array_throttle=2),
        job(id=7, array_pending=long),
        job(id=8, task_array=5, task_index=3),
    )

    assert letters(facts(*rows), "%i %F %K", "i")[2:] == [
        "6_[3-6%2] 6 3-6%2",
        f"7_[{long[:60]}...] 7 {long[:60]}...",
    ]
    assert letters(facts(*rows), "%i %A %F", "i")[1] == "5_3 8 5"
    assert letters(facts(*rows, array_text_max=0), "%K", "i")[3] == long


def test_rows_of_tasks_are_written_out_and_chosen() -> None:
    rows = (job(id=6, array_pending="3-9:3", array_throttle=2), job(id=8, task_array=6, task_index=1))
    every, some, one = facts(*rows), facts(*rows), facts(*rows)

    one_row_a_task(every)
    Choice([Wanted(6, [(1, 6, 1)])]).choose(some)
    Choice(read_ids("6_9")).choose(one)

    assert letters(every, "%i", "i")[1:] == ["6_1", "6_3", "6_6", "6_9"]
    assert letters(some, "%i", "i")[1:] == ["6_1", "6_[3,6]"]
    assert letters(one, "%i", "i")[1:] == ["6_9"]


def test_ids_are_read_as_people_write_them() -> None:
    assert read_ids("12,5_3,5_[1-3,7],9.0") == [
        Wanted(12, []),
        Wanted(5, [(3, 3, 1)]),
        Wanted(5, [(1, 3, 1), (7, 7, 1)]),
        Wanted(9, []),
    ]
    for wrong in ("abc", "5_x", "5_[1-", "1_2_3", "9" * 30):
        with pytest.raises(NotAnId):
            read_ids(wrong)


@pytest.mark.long
def test_shared_indexes_keep_to_both_steps_and_are_found_in_no_time() -> None:
    assert shared(read_spans("0-100:10"), read_spans("20-55:5")) == "20,30,40,50"
    assert shared(read_spans("0-3999999"), read_spans("17")) == "17"
    assert shared(read_spans("1-5"), read_spans("7")) == ""
    many = ",".join(str(one) for one in range(0, 40_000, 2))
    assert shared(read_spans(many), read_spans(many)).count(",") == 19_999


def test_states_are_known_by_word_and_code() -> None:
    assert states.ours(["r", "PENDING"]) == frozenset(("RUNNING", "STARTING", "PENDING"))
    assert states.ours(["all", "pd"]) is None
    assert states.ours(["CG", "oom", "NF"]) == frozenset(("COMPLETING", "OUT_OF_MEMORY", "NODE_FAIL", "LOST"))
    with pytest.raises(states.Unknown):
        states.ours(["bogus"])


def test_reasons_are_slurms_words() -> None:
    words = [
        word("PENDING", "resources", "", None, None),
        word("PENDING", "resources", "behind", None, None),
        word("PENDING", "limit-jobs", "user of qos", None, None),
        word("PENDING", "limit-cpus", "account", None, None),
        word("PENDING", None, None, None, None),
        word("FAILED", None, None, 3, None),
        word("FAILED", None, None, None, 9),
        word("OUT_OF_MEMORY", None, None, None, 9),
        word("RUNNING", None, None, None, None),
    ]

    assert words == [
        *("Resources", "Priority", "QOSMaxJobsPerUserLimit", "AssocGrpCpuLimit", "None"),
        *("NonZeroExitCode", "JobLaunchFailure", "OutOfMemory", "None"),
    ]


def test_times_are_written_in_the_callers_way() -> None:
    now = T0
    relative = times.stamps("relative", now, time.gmtime, time.strftime)
    own = times.stamps("%a %H", now, time.gmtime, time.strftime)

    assert [relative(T0 + days * 86_400) for days in (0, -1, 1, 3, -9, 400)] == [
        *("10:48:55", "Ystday 10:48", "Tomorr 10:48", "Mon 10:48", "11 Nov 10:48", "25 Dec 2027")
    ]
    assert own(T0) == "Fri 10"
    assert [times.clock(one) for one in (0, 59, 3600, 90_061, -1)] == [
        *("0:00", "0:59", "1:00:00", "1-01:01:01", "INVALID")
    ]


def test_json_has_numbers_and_states_as_the_data_parser_has_them() -> None:
    rows = (
        running(1, "n1", time_limit_s=None, shares=[["n1", 1000, 100, [0], [], 1]]),
        job(id=6, array_pending="3-6", array_throttle=2, name='a"b\n'),
        running(9, "n1", state="FAILED", signal=9, ended_at=T0 + 9),
        running(10, "n1", state="STARTING"),
    )

    first, second, third, fourth = [json.loads(text) for text in jobjson.jobs(facts(*rows))]

    assert first["time_limit"] == {"set": False, "infinite": True, "number": 0}
    assert first["job_resources"]["allocated_nodes"][0]["nodename"] == "n1"
    assert (second["name"], second["array_task_string"]) == ('a"b\n', "3-6%2")
    assert second["array_job_id"] == {"set": True, "infinite": False, "number": 6}
    assert second["array_task_id"]["set"] is False
    assert third["exit_code"]["signal"]["name"] == "KILL"
    assert fourth["job_state"] == ["RUNNING", "CONFIGURING"]
    assert data_parser("23.11.4") == "v0.0.40"
    assert data_parser("24.05.1") == "v0.0.41"

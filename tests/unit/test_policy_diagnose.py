"""What is named as the cause of a failure: recorded failures, states before logs, logs that are hostile."""

import re
import shlex
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.array import Array, Indexes, Task
from launchyard.model.job import Job, JobKind
from launchyard.model.memory import parse_memory
from launchyard.model.resources import Request, Usage
from launchyard.model.state import JobState
from launchyard.policy.case import Room
from launchyard.policy.causes import CAUSES
from launchyard.policy.diagnose import diagnose
from launchyard.policy.remedy import MADE
from launchyard.policy.symptoms import TABLES
from launchyard.policy.wording import MADE as SAID

pytestmark = pytest.mark.long

FAILURES = Path(__file__).parent.parent / "data" / "failures"
SOURCE = Path(__file__).parent.parent.parent / "src" / "launchyard"
FIELD = re.compile(r"\{(\w+)\}")
ROOM = Room(memory_mib=1 << 20, gpus=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One file of tests/data/failures."""

    how: str
    job: Job
    log: str
    expected: dict[str, Any]


def recorded(name: str) -> Recorded:
    head, _, log = (FAILURES / f"{name}.txt").read_bytes().decode().partition("+++ log\n")
    facts = tomllib.loads(head)
    return Recorded(how=facts["how"], job=job_of(**facts["job"]), log=log, expected=facts["expected"])


def job_of(
    *,
    state: str = "FAILED",
    kind: str = "command",
    cpus: int = 1,
    memory_mib: int = 1024,
    memory_peak_mib: float | None = None,
    gpus: int = 0,
    command: tuple[str, ...] = ("./run.sh",),
    time_limit_s: int | None = 7200,
    working_dir: str = "/tmp/proj",
    **more: Any,
) -> Job:
    return Job(
        id=18,
        name="run",
        kind=JobKind(kind),
        user="ada",
        uid=1000,
        partition="main",
        submitted_at=0.0,
        state=JobState(state),
        command=tuple(command),
        working_dir=working_dir,
        time_limit_s=time_limit_s,
        request=Request(cpus_milli=cpus * 1000, memory_mib=memory_mib, gpus=gpus),
        usage=Usage(memory_peak_mib=memory_peak_mib),
        **more,
    )


NAMES = sorted(path.stem for path in FAILURES.glob("*.txt"))


@pytest.mark.parametrize("name", NAMES)
def test_the_cause_of_a_recorded_failure_is_named(name: str) -> None:
    failure = recorded(name)
    found = diagnose(failure.job, failure.log, room=ROOM)
    expected = failure.expected
    assert (found.code, found.line, found.command) == (
        expected["code"],
        expected.get("line"),
        expected["command"],
    ), found


def messages() -> list[tuple[str, Job, str]]:
    """The blocks of messages.log: `=== code exit_code facts`, then what was printed."""
    found = []
    for block in re.split(r"(?m)^=== (?=[a-z-]+ \d)", (FAILURES / "messages.log").read_text())[1:]:
        head, _, log = block.partition("\n")
        code, exit_code, *facts = head.split()
        more: dict[str, Any] = {
            name: int(value) for name, _, value in (fact.partition("=") for fact in facts)
        }
        found.append((code, job_of(exit_code=int(exit_code), **more), log))
    return found


@pytest.mark.parametrize(("code", "job", "log"), messages())
def test_the_cause_is_named_from_a_few_lines(code: str, job: Job, log: str) -> None:
    found = diagnose(job, log, room=ROOM)
    assert found.code == code, found
    assert not re.search(r"[{}]|  |: :|''", found.sentence), found


def test_many_failures_are_recorded() -> None:
    assert len(NAMES) >= 24
    really = [name for name in NAMES if recorded(name).how.startswith("recorded: ")]
    assert len(really) >= 40


TRACEBACK = """Traceback (most recent call last):
  File "/tmp/proj/train.py", line 1, in <module>
    import torch
ModuleNotFoundError: No module named 'torch'
"""


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("COMPLETED", "completed"),
        ("OUT_OF_MEMORY", "memory"),
        ("TIMEOUT", "time"),
        ("CANCELLED", "cancelled"),
        ("NODE_FAIL", "node"),
        ("PREEMPTED", "preempted"),
        ("DEADLINE", "deadline"),
        ("LOST", "lost"),
        ("FAILED", "missing-module"),
    ],
)
def test_what_the_state_says_goes_before_the_log(state: str, code: str) -> None:
    assert diagnose(job_of(state=state, exit_code=1), TRACEBACK).code == code


@pytest.mark.parametrize(
    ("exit_code", "code"),
    [
        (1, "exit-code"),
        (127, "exit-code"),
        (132, "illegal-instruction"),
        (134, "aborted"),
        (135, "bus-error"),
        (136, "arithmetic"),
        (137, "killed"),
        (139, "segmentation-fault"),
        (152, "cpu-time"),
        (153, "file-size"),
    ],
)
def test_what_an_exit_code_means_is_known_without_a_log(exit_code: int, code: str) -> None:
    assert diagnose(job_of(exit_code=exit_code)).code == code


@pytest.mark.parametrize(("signal", "code"), [(11, "segmentation-fault"), (9, "killed"), (10, "signal")])
def test_a_signal_is_named(signal: int, code: str) -> None:
    assert diagnose(job_of(signal=signal)).code == code


def test_killed_near_the_memory_limit_is_memory() -> None:
    found = diagnose(job_of(exit_code=137, memory_mib=1024, memory_peak_mib=1000))
    assert (found.code, found.command) == ("memory", "ly rerun 18 --mem 2G")


def test_an_unknown_signal_is_named_by_its_name() -> None:
    assert diagnose(job_of(signal=12)).sentence == "was ended by SIGUSR2"


@pytest.mark.parametrize("decided", ["", ": job 13 ended as FAILED"])
def test_a_cancelled_dependency_points_at_the_other_job(decided: str) -> None:
    cause = f"dependency afterok:12:13 can never be satisfied{decided}"
    found = diagnose(job_of(state="CANCELLED", cause=cause))
    assert (found.code, found.command) == ("dependency", "ly why 13" if decided else "ly why 12")


MENTIONS = """INFO step 1, error 0.25
WARNING: ImportError is handled: no module named 'apex', going on without
0 errors, 3 warnings
retrying after 'Connection refused' was handled
Traceback logging is on
ERROR rate is 0.1
killed 3 old checkpoints
done, but the loss is nan
"""


def test_a_log_that_mentions_errors_is_no_cause() -> None:
    found = diagnose(job_of(exit_code=3), MENTIONS + "step\n" * 30)
    assert (found.code, found.sentence) == ("exit-code", "ended with exit code 3")


def test_what_was_caught_long_before_the_end_is_no_cause() -> None:
    caught = "RuntimeError: CUDA out of memory, trying a smaller batch\n"
    found = diagnose(job_of(exit_code=3), caught + "".join(f"step {n}\n" for n in range(400)))
    assert found.code == "exit-code"


def test_an_exception_that_python_survived_is_no_cause() -> None:
    job = job_of(exit_code=3, command=("/usr/bin/python3", "train.py"))
    assert diagnose(job, TRACEBACK + "going on without it").code == "exit-code"


def test_the_line_is_safe_to_print() -> None:
    log = "\x1b[31mModuleNotFoundError\x1b[0m: No module named \x1b]0;title\x07'to\x08rch'\u202e\r\n"
    found = diagnose(job_of(exit_code=1), log)
    assert found.line == "ModuleNotFoundError: No module named 'torch'"


@pytest.mark.parametrize(
    "log",
    [
        "/bin/sh: 1: $(touch${IFS}x): not found",
        "run.sh: line 3: ;reboot: command not found",
        "ls: cannot access '/tmp/$(reboot)/x; reboot': No such file or directory",
        "x.sh: line 2: `reboot`: Permission denied",
        "python3: can't open file '/tmp/a b;reboot.py': [Errno 2] No such file or directory",
    ],
)
def test_words_of_the_log_are_quoted_in_the_command(log: str) -> None:
    """A log is written by anybody's program; its words must not become commands."""
    for exit_code in (1, 2, 126, 127):
        command = diagnose(job_of(exit_code=exit_code), log).command or ""
        words = shlex.split(command)
        assert shlex.join(words) == command, command


def test_a_module_with_a_strange_name_is_not_installed() -> None:
    found = diagnose(job_of(exit_code=1), "ModuleNotFoundError: No module named '-rfoo'")
    assert "pip" not in str(found.command)


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("cv2", "pip install opencv-python"),
        ("sklearn.model_selection", "pip install scikit-learn"),
        ("google.protobuf", "pip install protobuf"),
        ("utils.data", "PYTHONPATH=/tmp/proj ly rerun 18"),
    ],
)
def test_the_package_of_a_module_is_named(module: str, command: str) -> None:
    log = f"ModuleNotFoundError: No module named '{module}'\n"
    assert diagnose(job_of(exit_code=1), log).command == command


@pytest.mark.parametrize(
    ("asked", "peak", "room", "command"),
    [
        (64, 64, None, "ly rerun 18 --mem 128M"),
        (1000, 1000, None, "ly rerun 18 --mem 2G"),
        (1024, 1024, None, "ly rerun 18 --mem 2G"),
        (3000, 3000, None, "ly rerun 18 --mem 6G"),
        (102_400, 102_400, None, "ly rerun 18 --mem 152G"),
        (3072, 3072, 4096, "ly rerun 18 --mem 4G"),
        (4096, 4096, 4096, "ly nodes"),
    ],
)
def test_more_memory_is_rounded_and_within_the_nodes(
    asked: int, peak: int, room: int | None, command: str
) -> None:
    job = job_of(state="OUT_OF_MEMORY", memory_mib=asked, memory_peak_mib=peak)
    found = diagnose(job, room=Room(memory_mib=room))
    assert found.command == command
    if command.startswith("ly rerun"):
        assert parse_memory(command.rpartition(" ")[2]) > asked


@pytest.mark.parametrize(
    ("limit_s", "longest_s", "command"),
    [
        (3, None, "ly rerun 18 -t 6s"),
        (7200, None, "ly rerun 18 -t 4h"),
        (5400, None, "ly rerun 18 -t 3h"),
        (7200, 10_800, "ly rerun 18 -t 3h"),
        (7200, 7200, "ly rerun 18 --warn-signal TERM@120s"),
    ],
)
def test_more_time_is_rounded_and_within_the_partition(
    limit_s: int, longest_s: int | None, command: str
) -> None:
    job = job_of(state="TIMEOUT", time_limit_s=limit_s)
    assert diagnose(job, room=Room(time_limit_s=longest_s)).command == command


def test_more_gpus_than_there_are_are_not_asked_for() -> None:
    log = "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB\n"
    found = diagnose(job_of(exit_code=1, gpus=1), log, room=Room(gpus=1))
    assert found.command == "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True ly rerun 18"


def test_a_task_is_rerun_with_its_index() -> None:
    task = job_of(state="OUT_OF_MEMORY", memory_peak_mib=1024, task=Task(job_id=12, index=3))
    assert diagnose(task).command == "ly rerun 12_3 --array 3 --mem 2G"


def test_an_array_points_at_a_task_that_failed() -> None:
    array = Array(waiting=Indexes(), size=4, first=0, last=3)
    record = job_of(array=array, cause="1 of 4 tasks did not complete")
    found = diagnose(record, task="18_3")
    assert (found.code, found.command) == ("tasks", "ly why 18_3")
    assert found.sentence == "1 of 4 tasks did not complete; one is 18_3"


def test_every_code_is_explained() -> None:
    codes = {symptom.code for table in TABLES.values() for symptom in table}
    assert codes <= set(CAUSES)
    text = "".join(path.read_text() for path in (SOURCE / "policy").rglob("*.py") if path.stem != "causes")
    assert [code for code in CAUSES if f'"{code}"' not in text] == []


def test_templates_name_only_what_there_is() -> None:
    for table in TABLES.values():
        for symptom in table:
            groups = set(symptom.pattern.groupindex)
            assert set(FIELD.findall(symptom.command)) <= groups | set(MADE), symptom
            assert set(FIELD.findall(symptom.sentence)) <= groups | set(SAID), symptom


# ---- hostile logs

MIB = 1 << 20
HINTS = sorted({hint for table in TABLES.values() for symptom in table for hint in symptom.hints})


def hostile() -> dict[str, str]:
    """Texts that would make a careless search slow."""
    return {
        "one line": "a" * MIB,
        "words": "error " * (MIB // 6),
        "colons": "x:" * (MIB // 2),
        "blanks": " " * MIB,
        "quotes": "'" * MIB,
        "escapes": "\x1b[" * (MIB // 2),
        "titles": "\x1b]" * (MIB // 2),
        "digits of an escape": "\x1b[" + "1" * MIB,
        "returns": "\r" * MIB,
        "one letter a line": "a\n" * (MIB // 2),
        "tracebacks": "Traceback (most recent call last):\n" * (MIB // 35),
        "frames": "Traceback (most recent call last):\n" + '  File "a", line 1, in b\n' * (MIB // 25),
        "all hints": " ".join(HINTS) * (MIB // sum(map(len, HINTS))),
        "all hints in lines": "\n".join(HINTS * (MIB // sum(map(len, HINTS)))),
        "lines of a shell": "a: line 1: b: 1: c: No such file\n" * (MIB // 33),
    }


@pytest.mark.parametrize("kind", hostile())
def test_a_megabyte_of_anything_is_read_in_linear_time(kind: str) -> None:
    text = hostile()[kind]
    small_s, large_s = spent_s(text[: MIB // 8]), spent_s(text)
    assert large_s < 40 * small_s + 2, f"8 times the text took {large_s / small_s:.0f} times as long"


def spent_s(text: str) -> float:
    """CPU time for all ways through the tables."""
    before = time.process_time()
    for exit_code in (1, 127):
        diagnose(job_of(exit_code=exit_code), text)
    diagnose(job_of(cause=text))
    return time.process_time() - before


@given(st.text(alphabet=st.sampled_from(list("\n\r\x1b[]m' :.(aEr0‘’")), max_size=400), st.integers(1, 255))
def test_no_log_makes_it_fail(text: str, exit_code: int) -> None:
    assert diagnose(job_of(exit_code=exit_code), text).code in CAUSES


@given(st.lists(st.sampled_from([*HINTS, "'x'", ": ", "\n", "line 3", "No such file"]), max_size=30))
def test_no_mixture_of_known_words_makes_it_fail(words: list[str]) -> None:
    found = diagnose(job_of(exit_code=1), " ".join(words))
    assert found.code in CAUSES
    assert found.line is None or found.line.isprintable()

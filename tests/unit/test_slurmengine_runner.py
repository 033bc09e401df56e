"""The file that Slurm runs, run as slurmd runs it: by a shell, from a copy, with Slurm's variables alone."""

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from launchyard.engine.protocol import Launch
from launchyard.engine.slurm.asking import script_of

RUNNER = (Path(__file__).parents[2] / "src/launchyard/engine/slurm/runner.py").read_text()
OF_SLURM = {
    "SLURM_JOB_ID": "12",
    "SLURM_EXPORT_ENV": "NIL",
    "SLURM_JOB_NODELIST": "n[1-2]",
    "SLURMD_NODENAME": "n1",
    "CUDA_VISIBLE_DEVICES": "1",
    "PATH": "/usr/bin:/bin",
}
PYTHONS = [
    path
    for path in sorted(Path("/root/.pyenv/versions").glob("3.*/bin/python3"))
    if os.geteuid() == 0 and path.parts[4].startswith(("3.6.", "3.9."))
]


class Place:
    """Where the runner is and keeps its records."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def script(self, **changes: Any) -> Path:
        facts: dict[str, Any] = {"argv": ("true",), "environment": {"PATH": "/usr/bin:/bin"}, **changes}
        launch = Launch(
            launch_id="ab12", job_id=7, uid=0, node="", working_dir=str(self.directory), spool_log="", **facts
        )
        path = self.directory / "slurm_script"
        path.write_bytes(script_of(launch, RUNNER, str(self.directory)))
        path.chmod(0o700)
        return path

    def run(self, path: str = OF_SLURM["PATH"], **changes: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.script(**changes)],
            env={**OF_SLURM, "PATH": path},
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=30,
            check=False,
        )

    def record(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / f"ab12.{name}").read_text())
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_end_is_written_down_and_slurms_too(place: Place) -> None:
    ran = place.run(argv=("sh", "-c", "echo out; exit 3"))
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, "out\n", "")
    assert place.record("start")["slurm_id"] == "12"
    assert place.record("end")["exit_code"] == 3


def test_signal_that_ended_it_ends_us(place: Place) -> None:
    ran = place.run(argv=("sh", "-c", "kill -SEGV $$"))
    assert ran.returncode == -signal.SIGSEGV
    assert place.record("end")["signal"] == signal.SIGSEGV


def test_launch_that_was_begun_is_not_begun_again(place: Place) -> None:
    """Threat 35: the script of a launch, given to Slurm a second time."""
    place.run(argv=("sh", "-c", "echo ran >> mark"))
    again = place.run(argv=("sh", "-c", "echo ran >> mark"))
    assert (again.returncode, again.stdout, again.stderr) == (75, "", "")
    assert (place.directory / "mark").read_text() == "ran\n"


def test_variables_are_the_jobs_and_slurms_own_are_slurms(place: Place) -> None:
    given = {"PATH": "/usr/bin:/bin", "MINE": "é", "SLURM_JOB_ID": "wrong", "LD_PRELOAD": ""}
    ran = place.run(argv=("env",), environment=given)
    found = dict(line.split("=", 1) for line in ran.stdout.splitlines())
    assert (found["MINE"], found["SLURM_JOB_ID"], found["CUDA_VISIBLE_DEVICES"]) == ("é", "12", "1")
    assert "SLURM_EXPORT_ENV" not in found
    assert (found["LAUNCHYARD_NODE"], found["LAUNCHYARD_NODES"]) == ("n1", "n1,n2")
    assert not Path(found["TMPDIR"]).exists()


def test_script_runs_with_its_own_interpreter_and_arguments(place: Place) -> None:
    ran = place.run(argv=("a b",), script=b'#!/bin/sh\necho "$1" "$#"\n')
    assert ran.stdout == "a b 1\n"


def test_program_that_cannot_run_says_why(place: Place) -> None:
    ran = place.run(argv=("no-such-program",))
    assert ran.returncode == 126
    assert "No such file" in place.record("end")["error"]
    assert "Traceback" not in ran.stderr


def test_directory_that_is_gone_is_told(place: Place) -> None:
    place.script()
    order = {**json.loads(_order(place)), "working_dir": "/no/such/place"}
    text = (place.directory / "slurm_script").read_text()
    before = text.partition('ORDER = "')[2].partition('"')[0]
    after = base64.b64encode(json.dumps(order).encode()).decode()
    (place.directory / "slurm_script").write_text(text.replace(before, after))
    subprocess.run([place.directory / "slurm_script"], env=OF_SLURM, capture_output=True, check=False)
    assert place.record("end")["error"] == "/no/such/place: No such file or directory"


def test_job_runs_where_records_cannot_be_kept(place: Place) -> None:
    path = place.script(argv=("echo", "ran"))
    text = path.read_text()
    order = {**json.loads(_order(place)), "directory": "/proc/no/such/place"}
    before = text.partition('ORDER = "')[2].partition('"')[0]
    path.write_text(text.replace(before, base64.b64encode(json.dumps(order).encode()).decode()))
    ran = subprocess.run([path], env=OF_SLURM, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "ran\n")
    assert "learns of its end from Slurm alone" in ran.stderr


def test_signal_to_the_script_alone_reaches_the_program(place: Place) -> None:
    script = b"#!/bin/bash\ntrap 'echo got; exit 9' USR1\necho ready\nwhile :; do sleep 0.05; done\n"
    process = subprocess.Popen(
        [place.script(argv=(), script=script)], env=OF_SLURM, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.read() == "got\n"
    assert process.wait(30) == 9
    process.stdout.close()


def test_end_is_written_down_when_slurm_ends_all_of_it(place: Place) -> None:
    process = subprocess.Popen(
        [place.script(argv=("sleep", "60"))], env=OF_SLURM, start_new_session=True, stdin=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while not _children(process.pid):
        assert time.monotonic() < deadline
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)
    assert place.record("end")["signal"] == signal.SIGTERM


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parts[4])
def test_runs_on_old_pythons(python: Path, place: Place) -> None:
    ran = place.run(f"{python.parent}:/usr/bin:/bin", argv=("printf", "é%s", "\udcff"))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "é\udcff", "")


def test_node_without_a_python_says_so(place: Place) -> None:
    path = place.script()
    path.write_text(path.read_text().replace("python3 /usr/bin/python3", "nothing /nothing"))
    shell = shutil.which("sh") or "/bin/sh"
    ran = subprocess.run([shell, path], env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False)
    assert ran.returncode == 127
    assert "needs Python 3.6" in ran.stderr


def _order(place: Place) -> bytes:
    text = (place.directory / "slurm_script").read_text()
    return base64.b64decode(text.partition('ORDER = "')[2].partition('"')[0])


def _children(pid: int) -> list[str]:
    """Those that have become the program."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [one for one in found if _name(one) == "sleep"]


def _name(pid: str) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def test_limit_of_seconds_is_kept_where_slurm_counts_minutes(place: Place) -> None:
    began = time.monotonic()
    stubborn = "trap '' TERM; sleep 60 & sleep 60; sleep 60"
    ran = place.run(argv=("sh", "-c", stubborn), time_limit_s=1.5, grace_s=0.5)
    assert time.monotonic() - began < 20
    assert ran.returncode == -signal.SIGKILL
    assert place.record("end")["timed_out"] is True


def test_limit_that_slurm_was_given_meanwhile_is_slurms(place: Place) -> None:
    squeue = place.directory / "squeue"
    squeue.write_text("#!/bin/sh\necho 10:00\n")
    squeue.chmod(0o755)
    path = f"{place.directory}:{OF_SLURM['PATH']}"
    ran = place.run(path=path, argv=("sh", "-c", "sleep 1.5; exit 4"), time_limit_s=0.5)
    assert ran.returncode == 4
    assert "timed_out" not in place.record("end")


def test_index_of_a_task_is_ours(place: Place) -> None:
    environment = {"PATH": "/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": "7", "SLURM_JOB_ID": "3"}
    ran = place.run(argv=("sh", "-c", "echo $SLURM_ARRAY_TASK_ID $SLURM_JOB_ID"), environment=environment)
    assert ran.stdout == "7 12\n"

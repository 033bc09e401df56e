"""`why` of real failures through the real daemon: each job fails by itself, its log is read as its user."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.ly import ly, variables
from tests.system.product import DEFAULT_CONFIG, Json, Product


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One daemon for all tests here; a partition that allows little time."""
    partitions = '\n[[partitions]]\nname = "main"\ndefault = true\ntime_limit_max = "1h"\n'
    one = Product(tmp_path_factory.mktemp("yard") / "state", DEFAULT_CONFIG + partitions)
    one.start()
    yield one
    one.destroy()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the jobs run."""
    return tmp_path


def why(product: Product, job_id: int | str) -> Json:
    product.until(job_id)
    answer: Json = product.call("GET", f"/v1/jobs/{job_id}/why")
    assert answer["log_unread"] is None
    return answer


def test_a_module_that_is_not_installed_is_named(product: Product, place: Path) -> None:
    (place / "train.py").write_text("import yard_that_is_not\n")
    job = product.submit([sys.executable, "train.py"], working_dir=str(place))
    found = why(product, job)
    assert (found["code"], found["reason"]) == ("missing-module", "No module named 'yard_that_is_not'")
    assert found["line"] == "ModuleNotFoundError: No module named 'yard_that_is_not'"
    assert found["command"] == "pip install yard_that_is_not"


def test_a_file_that_is_not_there_is_named_also_from_a_log_of_the_jobs_own(
    product: Product, place: Path
) -> None:
    command = "echo start; cat data/in.csv"
    job = product.submit(command, working_dir=str(place), stdout="out.txt", stderr="err.txt")
    found = why(product, job)
    assert (found["code"], found["line"]) == ("missing-file", "cat: data/in.csv: No such file or directory")
    assert found["command"] == f"ls -la {place}/data"


def test_a_job_over_its_memory_gets_more(product: Product) -> None:
    command = [sys.executable, "-c", "rows = [bytes([1]) * (1 << 20) for _ in range(400)]"]
    job = product.submit(command, resources={"memory_mib": 64})
    found = why(product, job)
    assert (found["state"], found["code"]) == ("OUT_OF_MEMORY", "memory")
    assert found["command"] == f"ly rerun {job} --mem 128M"
    assert found["reason"].startswith("peak ")


def test_a_job_over_its_time_gets_more(product: Product) -> None:
    job = product.submit("echo ModuleNotFoundError; sleep 60", time_limit_s=1)
    found = why(product, job)
    assert (found["state"], found["code"]) == ("TIMEOUT", "time")
    assert found["command"] == f"ly rerun {job} -t 2s"


def test_a_segmentation_fault_is_named(product: Product) -> None:
    job = product.submit([sys.executable, "-c", "import ctypes; ctypes.string_at(0)"])
    found = why(product, job)
    assert (found["code"], found["signal"]) == ("segmentation-fault", 11)
    assert found["command"] == f"PYTHONFAULTHANDLER=1 ly rerun {job}"


def test_a_command_that_is_not_there_is_named_whoever_looks_for_it(product: Product) -> None:
    of_shell = why(product, product.submit("yard-that-is-not --go"))
    of_ours = why(product, product.submit(["yard-that-is-not", "--go"]))
    assert (of_shell["code"], of_shell["exit_code"]) == ("command-not-found", 127)
    assert (of_ours["code"], of_ours["exit_code"], of_ours["line"]) == ("command-not-found", None, None)


def test_the_interpreter_of_a_batch_script_is_mended(product: Product, place: Path) -> None:
    body = {"script": "#!/usr/bin/pyhton3\nprint(6 * 7)\n", "working_dir": str(place)}
    job = product.call("POST", "/v1/jobs", body)["id"]
    found = why(product, job)
    assert found["code"] == "interpreter"
    assert found["command"] == (
        f"ly show --script {job} | sed '1s|.*|#!/usr/bin/env python3|' | ly submit -C {place} -"
    )
    done = subprocess.run(
        found["command"].replace("ly submit", "ly submit -q"),
        shell=True,
        env=variables(product.state),
        cwd=place,
        capture_output=True,
        text=True,
        check=True,
    )
    assert product.until(int(done.stdout))["state"] == "COMPLETED"
    assert product.log(int(done.stdout)) == b"42\n"


def test_a_file_that_may_not_be_executed_is_named(product: Product, place: Path) -> None:
    (place / "run.sh").write_text("#!/bin/sh\n")
    found = why(product, product.submit(["./run.sh"], working_dir=str(place)))
    assert (found["code"], found["reason"]) == (
        "permission",
        "permission denied: ./run.sh may not be executed",
    )


def test_a_log_that_was_removed_is_said(product: Product, place: Path) -> None:
    job = product.submit("echo x: command not found; exit 3", working_dir=str(place), stdout="out.txt")
    product.until(job)
    (place / "out.txt").unlink()
    found = product.call("GET", f"/v1/jobs/{job}/why")
    assert (found["code"], found["line"]) == ("exit-code", None)
    assert "out.txt" in found["log_unread"]


def test_an_array_points_at_the_task_that_failed_and_the_task_says_why(product: Product) -> None:
    command = "test $SLURM_ARRAY_TASK_ID -ne 2 || yard-that-is-not"
    array = product.submit(command, array="1-3", resources={"memory_mib": 64})
    record = why(product, array)
    assert (record["code"], record["command"]) == ("tasks", f"ly why {array}_2")
    task = why(product, f"{array}_2")
    assert (task["code"], task["exit_code"]) == ("command-not-found", 127)


def test_the_command_for_a_task_runs_it_with_its_index(product: Product, place: Path) -> None:
    text = "import os; rows = bytes([1]) * (80 << 20); print(os.environ['SLURM_ARRAY_TASK_ID'])"
    command = [sys.executable, "-c", text]
    array = product.submit(command, array="7", resources={"memory_mib": 64}, working_dir=str(place))
    product.until(f"{array}_7")
    words = why(product, f"{array}_7")["command"].split()
    assert words == f"ly rerun {array}_7 --array 7 --mem 128M".split()
    again = ly(product.state, *words[1:], "-q", cwd=place).out.strip()
    assert product.until(again)["state"] == "COMPLETED"
    assert product.log(f"{again}_7") == b"7\n"


def test_ly_says_it_in_one_line_and_the_corrected_command_works(product: Product, place: Path) -> None:
    (place / "count.py").write_text("import yard_that_is_not\n")
    ran = ly(product.state, "run", "--", sys.executable, "count.py", cwd=place)
    job = max(one["id"] for one in product.all_jobs())
    assert ran.code == 1
    assert "No module named 'yard_that_is_not'" in ran.err.splitlines()[-1]
    assert ran.err.splitlines()[-1].endswith(f"   ly why {job}")
    told = ly(product.state, "why", str(job)).out.splitlines()
    assert told[0].endswith(", exit code 1: No module named 'yard_that_is_not'.")
    assert told[1] == "Cause   missing-module"
    assert told[2] == "Log     ModuleNotFoundError: No module named 'yard_that_is_not'"
    assert told[-1] == "Next    pip install yard_that_is_not"


def test_the_command_for_more_memory_works(product: Product, place: Path) -> None:
    command = [sys.executable, "-c", "rows = [bytes([1]) * (1 << 20) for _ in range(80)]"]
    job = product.submit(command, resources={"memory_mib": 64}, working_dir=str(place))
    words = why(product, job)["command"].split()
    done = ly(product.state, *words[1:], "-q", cwd=place)
    assert (done.code, done.err) == (0, "")
    assert product.until(int(done.out))["state"] == "COMPLETED"

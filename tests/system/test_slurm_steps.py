"""Steps as people start them: srun in jobs and outside, salloc, on virtual nodes with the real daemon."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product, wait_for

CONFIG = DEFAULT_CONFIG.replace('name = "node"', 'name = "n[1-8]"').replace("grace_s = 2", "grace_s = 60")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("steps") / "s", CONFIG)
    running.start()
    yield running
    running.destroy()


def variables(product: Product) -> dict[str, str]:
    """As in the shell of a person who put the commands first in PATH."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "LAUNCHYARD", "SALLOC"))}
    return {**kept, "PATH": f"{product.state}/slurm:{os.environ['PATH']}"}


def run(product: Product, *words: str, input: bytes | None = None, **more: str) -> Any:
    """A command to its end."""
    return subprocess.run(
        words,
        env={**variables(product), **more},
        cwd=product.state.parent,
        input=b"" if input is None else input,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )


def script(product: Product, text: str, *, nodes: int = 1, tasks: int = 1) -> tuple[dict[str, Any], str]:
    """A batch job of so many nodes and tasks, to its end: the job and what it wrote."""
    id = product.call(
        "POST",
        "/v1/jobs",
        {
            "script": f"#!/bin/sh\n{text}\n",
            "resources": {"nodes": nodes, "tasks": tasks, "cpus": tasks, "memory_mib": 64 * tasks},
            "environment": variables(product),
            "working_dir": str(product.state.parent),
        },
    )["id"]
    job = product.until(id)
    return job, product.log(id).decode()


def test_two_jobs_of_four_nodes_run_a_task_on_each(product: Product) -> None:
    ids = [
        product.call(
            "POST",
            "/v1/jobs",
            {
                "script": "#!/bin/sh\nsrun -l printenv SLURMD_NODENAME | sort\n",
                "resources": {"nodes": 4, "tasks": 4, "cpus": 16},
                "environment": variables(product),
            },
        )["id"]
        for _ in range(2)
    ]
    jobs = [product.until(id) for id in ids]

    shown = [product.log(id).decode().split("\n")[:-1] for id in ids]

    assert [job["state"] for job in jobs] == ["COMPLETED"] * 2
    assert [[line.split(": ")[0] for line in lines] for lines in shown] == [["0", "1", "2", "3"]] * 2
    named = {line.split(": ")[1] for lines in shown for line in lines}
    assert named == {f"n{number}" for number in range(1, 9)}


def test_the_file_of_programs_says_what_each_task_runs(product: Product) -> None:
    text = """cat > programs.conf <<'END'
0 echo first %t
* sh -c 'echo rest $SLURM_PROCID %t'
END
srun -l --multi-prog programs.conf | sort"""

    _, shown = script(product, text, nodes=2, tasks=3)

    assert shown == "0: first 0\n1: rest 1 %t\n2: rest 2 %t\n"


def test_a_failing_task_gives_the_step_its_code(product: Product) -> None:
    _, shown = script(product, "srun sh -c 'exit $((SLURM_PROCID * 7))' 2>&1; echo code $?", nodes=2, tasks=2)
    assert shown == "srun: error: n2: task 1: Exited with exit code 7\ncode 7\n"


def test_tasks_of_a_job_meet_by_its_variables(product: Product) -> None:
    """As torchrun does: the first node's task listens, the others come to it."""
    meet = product.state.parent / "meet.py"
    meet.write_text(RENDEZVOUS)

    job, shown = script(product, f"srun -l {sys.executable} {meet}", nodes=4, tasks=4)

    assert (job["state"], shown) == ("COMPLETED", "0: [1, 2, 3]\n")


def test_a_step_waits_for_the_cpus_of_another(product: Product) -> None:
    text = """srun -n1 sh -c 'touch up; while [ ! -e go ]; do sleep 0.02; done' &
while [ ! -e up ]; do sleep 0.02; done
srun -n1 echo second >said 2>&1 &
while ! grep -q disabled said; do sleep 0.02; done
touch go; wait; cat said"""

    _, shown = script(product, text)

    assert "step creation temporarily disabled, retrying (Requested nodes are busy)" in shown
    assert re.search(r"srun: Step created for StepId=\d+\.1\nsecond\n", shown)


def test_a_step_has_all_cpus_of_its_job_unless_it_is_exact(product: Product) -> None:
    show = "srun -n1 {} printenv SLURM_CPUS_ON_NODE 2>&1"
    text = "; ".join(show.format(words) for words in ("", "--overlap", "--exact", "--exclusive", "-c1"))

    assert script(product, text, tasks=2)[1] == "2\n2\n1\n1\n1\n"


def test_exact_steps_run_side_by_side(product: Product) -> None:
    """Each waits until the other is there."""
    text = """task='touch at$0; while [ ! -e at$1 ]; do sleep 0.02; done; echo met'
srun --exact -n1 sh -c "$task" 1 2 &
srun --exact -n1 sh -c "$task" 2 1 &
wait"""

    assert script(product, text, tasks=2)[1] == "met\nmet\n"


def test_an_overlapping_step_waits_for_nobody(product: Product) -> None:
    text = """srun -n1 sh -c 'touch up2; while [ ! -e go2 ]; do sleep 0.02; done' &
while [ ! -e up2 ]; do sleep 0.02; done
srun --overlap -n1 echo beside 2>&1; touch go2; wait"""

    assert script(product, text)[1] == "beside\n"


def test_more_tasks_than_the_job_has_room_for_are_refused(product: Product) -> None:
    _, shown = script(product, "srun -n 9 true 2>&1; echo code $?")
    assert "More processors requested than permitted" in shown
    assert shown.endswith("code 1\n")


def test_nothing_is_lost_of_much_output(product: Product) -> None:
    _, shown = script(product, "srun head -c 25000000 /dev/zero | wc -c", nodes=2, tasks=4)
    assert shown == "100000000\n"


def test_sixty_four_tasks_run_in_one_step(product: Product) -> None:
    _, shown = script(
        product, "srun -O -n64 printenv SLURM_PROCID | sort -n | uniq | wc -l", nodes=8, tasks=8
    )
    assert shown == "64\n"


def test_outputs_go_to_files_by_their_patterns(product: Product) -> None:
    _, shown = script(product, "srun -o out.%s.%t.%N printenv SLURMD_NODENAME; cat out.0.*", nodes=2, tasks=2)
    assert shown == "n1\nn2\n"


def test_srun_outside_of_a_job_makes_one_that_ends_as_its_step(product: Product) -> None:
    done = run(product, "srun", "-N2", "-J", "outside", "sh", "-c", "echo out; exit 7")

    assert (done.returncode, done.stdout) == (7, b"out\nout\n")
    job = next(job for job in product.all_jobs() if job["name"] == "outside")
    assert job["kind"] == "driver"
    assert product.until(job["id"])["exit_code"] == 7


def test_input_of_srun_reaches_the_tasks(product: Product) -> None:
    both = run(product, "srun", "-n2", "-l", "cat", input=b"hello\n")
    assert sorted(both.stdout.splitlines()) == [b"0: hello", b"1: hello"]
    assert run(product, "srun", "-n2", "-i1", "cat", input=b"hello\n").stdout == b"hello\n"


def test_a_task_that_dies_of_a_signal_is_told(product: Product) -> None:
    done = run(product, "srun", "sh", "-c", "kill -SEGV $$")
    assert done.returncode == 128 + signal.SIGSEGV
    assert re.fullmatch(rb"srun: error: n\d: task 0: Segmentation fault\n", done.stderr)


@pytest.mark.root
def test_a_task_that_is_short_of_memory_is_told(product: Product) -> None:
    done = run(product, "srun", "--mem=50", sys.executable, "-c", "bytearray(400 << 20)")
    assert done.returncode == 1
    assert b"Detected 1 oom_kill event in StepId=" in done.stderr
    assert done.stderr.endswith(b"task 0: Out Of Memory\n")


def test_a_command_that_is_not_there_is_named(product: Product) -> None:
    done = run(product, "srun", "no-such-command")
    assert done.returncode == 2
    assert done.stderr.startswith(
        b"slurmstepd: error: execve(): no-such-command: No such file or directory\n"
    )


def test_salloc_runs_a_command_that_runs_steps(product: Product) -> None:
    done = run(product, "salloc", "-N2", "srun", "-l", "printenv", "SLURM_NODEID")

    assert sorted(done.stdout.split(b"\n")[:-1]) == [b"0: 0", b"1: 1"]
    assert done.returncode == 0
    granted, relinquishing, _ = done.stderr.decode().splitlines()
    assert re.fullmatch(r"salloc: Granted job allocation \d+", granted)
    assert re.fullmatch(r"salloc: Relinquishing job allocation \d+", relinquishing)


def test_sallocs_exit_code_is_its_commands(product: Product) -> None:
    assert run(product, "salloc", "sh", "-c", 'test -n "$SLURM_JOB_ID" && exit 5').returncode == 5


def test_salloc_says_that_its_job_was_cancelled(product: Product) -> None:
    told = "import os; print(os.environ['SLURM_JOB_ID'], flush=True); import time; time.sleep(1000)"
    words = ["salloc", "-K", sys.executable, "-c", told]
    with subprocess.Popen(
        words, env=variables(product), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as salloc:
        assert salloc.stdout is not None
        id = int(salloc.stdout.readline())
        product.call("POST", f"/v1/jobs/{id}/cancel", {})
        _, err = salloc.communicate(timeout=PATIENCE_S)

    assert f"salloc: Job allocation {id} has been revoked." in err.decode()
    assert salloc.returncode == 128 + signal.SIGTERM


def started(product: Product, *words: str) -> subprocess.Popen[bytes]:
    # What ignores INT itself, as what a shell began in the background does, leaves it so to its children.
    return subprocess.Popen(
        ["env", "--default-signal=INT", *words],
        env=variables(product),
        cwd=product.state.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def until_up(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"


def test_two_interrupts_end_the_step(product: Product) -> None:
    with started(product, "srun", "sh", "-c", "echo up; exec sleep 1000") as srun:
        until_up(srun)
        srun.send_signal(signal.SIGINT)
        assert srun.stderr is not None
        first = srun.stderr.readline() + srun.stderr.readline()
        srun.send_signal(signal.SIGINT)
        rest = b""
        for line in srun.stderr:
            rest += line
            if b"task 0: running" in line:
                # It came to hear of the second more than a second after the first, and says so anew.
                srun.send_signal(signal.SIGINT)

    assert b"srun: interrupt (one more within 1 sec to abort)\n" in first
    assert b"task 0: running" in first
    assert b"Job step aborted" in rest
    assert srun.returncode == 128 + signal.SIGINT


def test_a_signal_to_srun_is_the_tasks(product: Product) -> None:
    with started(
        product, "srun", "sh", "-c", "trap 'exit 9' USR2; echo up; while :; do sleep 0.02; done"
    ) as srun:
        until_up(srun)
        srun.send_signal(signal.SIGUSR2)
        srun.communicate(timeout=PATIENCE_S)
    assert srun.returncode == 9


def test_a_killed_srun_leaves_nothing_behind(product: Product) -> None:
    mark = f"9{os.getpid()}.5"
    with started(product, "srun", "-J", "killed", "sh", "-c", f"echo up; exec sleep {mark}") as srun:
        until_up(srun)
        srun.kill()
    job = next(job for job in product.all_jobs() if job["name"] == "killed")

    product.until(job["id"])

    wait_for(lambda: not _running(mark), 60, "the task has gone")


def test_steps_go_on_while_the_daemon_is_away(product: Product) -> None:
    with started(product, "srun", "-n2", "sh", "-c", "echo up; sleep 1; echo still") as srun:
        until_up(srun)
        product.kill()
        product.start()
        out, _ = srun.communicate(timeout=PATIENCE_S)
    assert out.count(b"still\n") == 2
    assert srun.returncode == 0


def test_a_step_that_waits_starts_after_a_restart_of_the_daemon(product: Product) -> None:
    text = """srun sh -c 'touch up4; while [ ! -e go4 ]; do sleep 0.02; done' &
while [ ! -e up4 ]; do sleep 0.02; done
srun echo second >said4 2>&1; cat said4"""
    body = {
        "script": f"#!/bin/sh\n{text}\n",
        "environment": variables(product),
        "working_dir": str(product.state.parent),
    }
    id = product.call("POST", "/v1/jobs", body)["id"]
    said = product.state.parent / "said4"
    wait_for(lambda: said.exists() and "disabled" in said.read_text(), PATIENCE_S, "the second step waits")

    product.kill()
    (product.state.parent / "go4").touch()
    product.start()

    assert product.until(id)["state"] == "COMPLETED"
    assert product.log(id).endswith(b"\nsecond\n")


def test_at_the_time_limit_tasks_have_time_to_end(product: Product) -> None:
    task = "trap 'sleep 0.5; echo ended; exit 4' TERM; echo up; while :; do sleep 0.02; done"
    began = time.monotonic()
    with started(product, "srun", "-t", "10", "-J", "limited", "sh", "-c", task) as srun:
        until_up(srun)
        job = next(job for job in product.all_jobs() if job["name"] == "limited")
        limit = {"time_limit_s": int(time.monotonic() - began) + 2}
        product.call("POST", f"/v1/jobs/{job['id']}/update", limit)
        out, _ = srun.communicate(timeout=PATIENCE_S)
    assert (srun.returncode, out) == (4, b"ended\n")


def test_tasks_of_a_cancelled_job_are_told_once_and_have_time_to_end(product: Product) -> None:
    waits = "until [ \\$over ]; do sleep 0.02; done"
    task = f"trap 'echo told; over=1' TERM; echo ready; {waits}; sleep 0.3; echo saved"
    body = {"script": f'#!/bin/sh\nsrun -n1 sh -c "{task}"; true\n', "environment": variables(product)}
    id = product.call("POST", "/v1/jobs", body)["id"]
    wait_for(lambda: b"ready" in product.log(id), PATIENCE_S, "the task is ready")

    assert run(product, "scancel", str(id)).returncode == 0

    assert product.until(id)["state"] == "CANCELLED"
    shown = product.log(id).decode()
    assert (shown.count("told"), shown.count("saved")) == (1, 1)


def test_sattach_shows_what_the_tasks_of_a_step_write(product: Product) -> None:
    task = "while [ ! -e go3 ]; do echo tick; sleep 0.02; done; exit $SLURM_PROCID"
    words = ["salloc", "-N2", "sh", "-c", f"echo $SLURM_JOB_ID; exec srun -l sh -c '{task}'"]
    with started(product, *words) as salloc:
        assert salloc.stdout is not None
        id = int(salloc.stdout.readline())
        assert salloc.stdout.readline().endswith(b": tick\n")
        layout = run(product, "sattach", "--layout", f"{id}.0").stdout.decode()
        with started(product, "sattach", "-l", "--output-filter=1", f"{id}.0") as attached:
            assert attached.stdout is not None
            first = attached.stdout.readline()
            (product.state.parent / "go3").touch()
            rest = attached.stdout.read()
        salloc.communicate(timeout=PATIENCE_S)

    assert "2 tasks, 2 nodes" in layout
    assert "1 task(s): 1" in layout
    assert first == b"1: tick\n"
    assert set(rest.splitlines()) <= {b"1: tick"}
    assert attached.returncode == salloc.returncode == 1


def test_sbcast_puts_a_file_where_it_is_wanted_and_spares_one_that_is_there(product: Product) -> None:
    there = product.state.parent / "copy"
    python = sys.executable
    text = f"sbcast {python} {there}; sbcast /etc/passwd {there}; echo code $?; cmp {python} {there}"

    job, shown = script(product, text)

    assert "File exists" in shown
    assert "code 1" in shown
    assert job["exit_code"] == 0


def test_a_task_in_a_terminal_has_one_of_its_own(product: Product) -> None:
    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    with subprocess.Popen(
        ["srun", "--pty", "sh", "-c", "stty size; exit 3"],
        env=variables(product),
        stdin=writing,
        stdout=writing,
        stderr=writing,
    ) as srun:
        os.close(writing)
        assert srun.wait(PATIENCE_S) == 3
    shown = b""
    while b"33 99\r\n" not in shown:
        shown += os.read(reading, 4096)
    os.close(reading)


def test_pmi_is_out_of_scope_and_said_so(product: Product) -> None:
    done = run(product, "srun", "--mpi=pmix", "true")
    assert done.returncode == 1
    assert b"PMI" in done.stderr


def test_wrong_use_is_told_in_a_sentence(product: Product) -> None:
    done = run(product, "srun", "--bogus", "true")
    assert (done.returncode, done.stderr.splitlines()[0]) == (255, b"srun: unrecognized option '--bogus'")


def _running(mark: str) -> bool:
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


RENDEZVOUS = f"""
import os, socket, time
rank, size = int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_NTASKS"])
port = 20000 + int(os.environ["SLURM_JOB_ID"]) % 20000
if rank == 0:
    server = socket.create_server(("127.0.0.1", port), reuse_port=True)
    came = []
    for _ in range(size - 1):
        peer, _ = server.accept()
        came.append(int(peer.recv(16)))
    print(sorted(came))
else:
    until = time.monotonic() + {PATIENCE_S}
    while True:
        try:
            peer = socket.create_connection(("127.0.0.1", port))
            break
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.02)
    peer.sendall(str(rank).encode())
    peer.recv(1)
"""

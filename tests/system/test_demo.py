"""The demo is what a newcomer sees first: its final table is true, and nothing of it stays behind."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import product
from tests.system.product import Product
from tests.tidy.source import ROOT

EXPECTED = {
    "primes": ("COMPLETED", 0),
    "greet": ("COMPLETED", 0),
    "squares": ("COMPLETED", 0),
    "sum": ("COMPLETED", 0),
    "allocate": ("COMPLETED", 0),
    "too-long": ("TIMEOUT", None),
    "too-big": ("OUT_OF_MEMORY", None),
    "broken": ("FAILED", 3),
}
MARGIN = 0.10


def ly(product: Product, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run to the end with a directory of its own for what is temporary, of which nothing may be left."""
    code = "import sys; from launchyard.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *words]
    with tempfile.TemporaryDirectory(prefix="test-demo-") as own:
        environment = {**os.environ, "LAUNCHYARD_STATE": str(product.state), "TMPDIR": own}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=200, check=False
        )
        assert not list(Path(own).iterdir())
    return done


@pytest.mark.timeout(240)
def test_the_demo_ends_as_its_final_table_says(product: Product) -> None:
    done = ly(product, "demo", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    jobs = {job["name"]: job for job in json.loads(done.stdout)}
    assert {name: (job["state"], job["exit_code"]) for name, job in jobs.items()} == EXPECTED
    assert jobs["squares"]["array"]["counts"] == {"COMPLETED": 20}
    assert jobs["primes"]["usage"]["cpu_s"] > 0
    assert jobs["greet"]["working_dir"].endswith("/data")
    said = ly(product, "logs", str(jobs["greet"]["id"])).stdout
    assert said.startswith("hello Ada, here is ")
    assert "add up to 2870" in ly(product, "logs", str(jobs["sum"]["id"])).stdout
    own = re.findall(r"peak ([0-9.]+) MiB", ly(product, "logs", str(jobs["allocate"]["id"])).stdout)
    recorded = jobs["allocate"]["usage"]["memory_peak_mib"]
    assert recorded == pytest.approx(float(own[0]), rel=MARGIN)
    assert recorded == pytest.approx(150, rel=2 * MARGIN)
    assert jobs["too-long"]["cause"] == "ran longer than its time limit of 3 s"
    assert "64 MiB" in jobs["too-big"]["cause"]


@pytest.mark.timeout(240)
def test_the_demo_shows_a_log_the_queue_a_reason_and_its_table(product: Product) -> None:
    done = ly(product, "demo")
    assert (done.returncode, done.stderr) == (0, "")
    for line in (
        "$ ly submit primes.sh",
        "$ ly logs -f 1",
        "783 primes below 6000",
        "$ ly jobs",
        "What became of them:",
    ):
        assert f"\n{line}" in done.stdout
    assert "ran longer than its time limit of 3 s" in done.stdout
    assert "needed more than the 64 MiB asked for" in done.stdout


@pytest.fixture
def clusters(tmp_path: Path) -> list[str]:
    """The file that says where the demo's jobs run, if that is not this machine."""
    file = tmp_path / "clusters.toml"
    file.write_text(product.GROUND.clusters)
    return [str(file)] if product.GROUND.clusters else []


@pytest.fixture
def own() -> Iterator[Path]:
    """Where the demo makes its directory: nobody else's is there."""
    with tempfile.TemporaryDirectory(prefix="test-demo-", dir="/tmp") as name:
        yield Path(name)


def servers(own: Path) -> list[str]:
    """Command lines of everything that serves the demo's state directory."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if re.search(rf"--state[= ]{own}/launchyard-demo\.", line):
            lines.append(line)
    return lines


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_make_demo_without_a_terminal_ends_by_itself_and_leaves_nothing(
    clusters: list[str], own: Path
) -> None:
    done = subprocess.run(
        ["scripts/demo", *clusters],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(own)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "What became of them:" in done.stdout
    assert not list(own.iterdir())
    assert wait_until_gone(own)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_make_demo_on_a_terminal_stays_up_until_ctrl_c(clusters: list[str], own: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve("scripts/demo", ["scripts/demo", *clusters], {**os.environ, "TMPDIR": str(own)})
    text = read_until(terminal, b"Ctrl-C ends it", 200)
    assert servers(own)
    os.write(terminal, b"\x03")
    read_until(terminal, b"nothing of this ever comes", 60)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, text
    assert not list(own.iterdir())
    assert wait_until_gone(own)


def read_until(terminal: int, wanted: bytes, within_s: float) -> str:
    """What was shown until `wanted` came or the terminal was closed."""
    deadline, shown = time.monotonic() + within_s, b""
    while wanted not in shown and time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            shown += os.read(terminal, 65_536)
        except OSError:
            break
    return shown.decode(errors="replace")


def wait_until_gone(own: Path) -> bool:
    deadline = time.monotonic() + 60
    while servers(own) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not servers(own)

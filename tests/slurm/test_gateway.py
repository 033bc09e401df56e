"""Into jobs on a real Slurm's nodes: shells, logs and sessions, without a port of ours or of an app.

One of the nodes has homes and a /tmp of its own, so whatever is seen of it came through Slurm's srun.
"""

import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.apart import ApartLab
from tests.slurm.lab import brought_up
from tests.slurm.settings import USERS
from tests.slurm.test_through_slurm import CONFIG, body
from tests.system.ly import Terminal, ly
from tests.system.product import Json, Product, wait_for
from tests.system.sessionapps import make
from tests.system.test_session_proxy import Visit
from tests.system.test_two_users import asked

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(600)]
USER, OTHER = USERS


@pytest.fixture(scope="module")
def lab(place: Path) -> Iterator[ApartLab]:
    with brought_up(ApartLab(place / "lab-apart", nodes=2)) as lab:
        yield lab


@pytest.fixture(scope="module")
def product(lab: ApartLab, place: Path) -> Iterator[Product]:
    # Where that node sees it too: a site's own apps are on a file system that all nodes have.
    make(lab.directory / "apps")
    apps = f'[sessions]\napps = ["{lab.directory}/apps"]\n'
    product = Product(place / "gateway", CONFIG.format(conf=lab.environment["SLURM_CONF"]) + apps)
    try:
        product.start()
        yield product
    finally:
        product.destroy()


def running(product: Product, node: str, *command: str) -> int:
    wanted = {"resources": {"cpus": 1, "memory_mib": 300, "nodelist": [node]}, "working_dir": "/"}
    number: int = product.call("POST", "/v1/jobs", body(list(command)) | wanted)["id"]
    job = product.until(number, "RUNNING")
    assert job["nodes"] == [node]
    return number


def end(product: Product, job: int) -> None:
    product.call("POST", f"/v1/jobs/{job}/cancel")
    assert product.until(job)["state"] == "CANCELLED"


@pytest.mark.parametrize("node", ["n1", ApartLab.apart])
def test_shell_opens_inside_the_job_on_its_node(product: Product, node: str) -> None:
    job = running(product, node, "sleep", "600")
    command = "echo $SLURMD_NODENAME $SLURM_JOB_ID; exit 5"
    said = ly(product.state, "shell", str(job), "--", "sh", "-c", command)
    assert (said.code, said.out.split()) == (5, [node, product.job(job)["engine_id"]]), said
    terminal = Terminal(product.state, "shell", str(job), "--", "sh")
    terminal.until(lambda: terminal.raw, "in raw mode")
    terminal.type(b"tty; type srun; exit 3\r")
    assert terminal.end() == 3
    assert b"/dev/pts/" in terminal.shown
    assert b"/usr/bin/srun" in terminal.shown
    end(product, job)


def test_log_of_a_running_job_is_read_on_its_node_where_homes_are_not_shared(product: Product) -> None:
    """Whether they are shows by its runner's record."""
    here = Path.home() / ".local/state/launchyard/slurm/site"
    before = set(here.glob("*.log"))
    line = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.2; done"
    job = running(product, ApartLab.apart, "sh", "-c", line)
    wait_for(lambda: b"line 3\n" in product.log(job), 60, "its log is read on its node", 0.5)
    assert set(here.glob("*.log")) <= before
    end(product, job)


def test_job_that_its_user_gave_to_slurm_alone_shows_its_log(product: Product, lab: ApartLab) -> None:
    """Read as that user, where Slurm lets it print."""
    words = [
        "sbatch",
        "--parsable",
        "--mem=50",
        "-w",
        "n1",
        "-o",
        "own-%j-%u.out",
        "--wrap",
        "echo my own; sleep 4",
    ]
    switch = ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups"]
    home = pwd.getpwnam(USER).pw_dir
    given = subprocess.run(
        [*switch, *words], env=lab.environment, cwd=home, capture_output=True, text=True, check=True
    )
    number = given.stdout.strip()
    found = wait_for(
        lambda: next((one for one in product.all_jobs() if one["engine_id"] == number), None),
        60,
        "it is found",
    )
    wait_for(lambda: product.log(found["id"]) == b"my own\n", 60, "its log is shown", 0.3)
    assert product.until(found["id"])["state"] == "COMPLETED"
    assert product.log(found["id"]) == b"my own\n"
    (Path(home) / f"own-{number}-{USER}.out").unlink()


def test_runtime_environment_is_used_where_it_is_seen_and_said_to_be_missing_elsewhere(
    product: Product, tmp_path: Path
) -> None:
    (tmp_path / "hello.py").write_text("print('from there')\n")
    for node, code in (("n1", 0), (ApartLab.apart, 1)):
        words = ("-t", "5", "--mem", "50MiB", "-w", node, "--working-dir", ".", "--wait", "--quiet")
        told = ly(product.state, "submit", *words, "--", "python3", "hello.py", cwd=tmp_path)
        assert told.code == code, told
    here, there = sorted(product.all_jobs(), key=lambda job: int(job["id"]))[-2:]
    assert product.log(here["id"]) == b"from there\n"
    assert "must be on a file system that the nodes share" in there["cause"]


def begin(product: Product, app: str, node: str) -> int:
    """A session of a user's on that node."""
    wanted = {"cpus": 1, "memory_mib": 300, "nodelist": [node]}
    status, made = asked(product, USER, "POST", "/v1/sessions", {"app": app, "resources": wanted})
    assert status == 201, made
    return int(made["id"])


def come_to(product: Product, number: int, *states: str) -> Json:
    def there() -> Json | None:
        found: Json = asked(product, USER, "GET", f"/v1/sessions/{number}")[1]
        return found if found["state"] in (*states, "failed", "ended") else None

    found: Json = wait_for(there, 90, f"session {number} in {states}", 0.3)
    assert found["state"] in states, found
    return found


@pytest.mark.parametrize("node", ["n1", ApartLab.apart])
def test_session_is_reached_on_its_node_by_its_owner_alone(product: Product, node: str) -> None:
    """Threats 5, 9 and 28: what gets in is Slurm's srun, begun as the session's own user."""
    number = begin(product, "web", node)
    found = come_to(product, number, "running")
    assert found["job"]["nodes"] == [node]
    visit = Visit(product, USER, number)
    said = visit.ask("GET", f"/session/{number}/x").read().decode()
    assert said == f"/session/{number}/x hello"
    assert asked(product, OTHER, "POST", f"/v1/sessions/{number}/open", {})[0] == 404
    assert asked(product, OTHER, "GET", f"/session/{number}/x")[0] == 404
    assert listening() == []

    product.kill()
    product.start()
    come_to(product, number, "running")

    def opens_again() -> bool:
        if asked(product, USER, "POST", f"/v1/sessions/{number}/open", {})[0] != 200:
            return False
        return Visit(product, USER, number).ask("GET", f"/session/{number}/y").status == 200

    wait_for(opens_again, 60, "its page answers again", 0.3)
    assert asked(product, USER, "POST", f"/v1/sessions/{number}/stop")[0] == 200
    assert come_to(product, number, "ended")["cause"].startswith("cancelled by ")


@pytest.mark.parametrize("node", ["n1", ApartLab.apart])
def test_session_that_fails_says_why_wherever_it_was(product: Product, node: str) -> None:
    found = come_to(product, begin(product, "gone", node), "failed")
    assert found["cause"] == "The gone ended with exit code 3 before it answered"


def listening() -> list[str]:
    """What of a session or of its helpers takes connections from the network."""
    listed = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    pids = {part.split(",")[0] for part in listed.split("pid=")[1:]}
    lines = {pid: _command_of(pid) for pid in pids}
    return [line for line in lines.values() if "serve.py" in line or "launchyard.helper" in line]


def _command_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""

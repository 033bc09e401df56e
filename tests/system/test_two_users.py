"""Started by root for two users: each is itself and nobody else (threats 10, 12, 14, 16, 33, 47)."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.accounts import account
from tests.system.product import Json, Product, let_others_in, wait_for

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as two users"),
]
ADA, LI = "lytest1", "lytest2"
CONFIG = 'listen = "127.0.0.1:0"\n[[nodes]]\nname = "node"\ncpus = 2\nmemory = "1GiB"\n'
CLIENT = """
import http.client, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
connection.request(sys.argv[2], sys.argv[3], sys.argv[4] or None, {"Content-Type": "application/json"})
answer = connection.getresponse()
sys.stdout.write(f"{answer.status}\\n")
sys.stdout.flush()
sys.stdout.buffer.write(answer.read())
"""


def made_users() -> None:
    """The two are there."""
    for user in (ADA, LI):
        account(user)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Product]:
    """A product of root's that both users can reach."""
    made_users()
    let_others_in(tmp_path)
    product = Product(tmp_path / "state", CONFIG)
    product.start()
    yield product
    product.destroy()


def asked(product: Product, user: str, method: str, path: str, body: Json | None = None) -> tuple[int, Any]:
    """What the server answers this user."""
    command = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "/usr/bin/python3", "-c", CLIENT]
    text = "" if body is None else json.dumps(body)
    done = subprocess.run(
        [*command, str(product.socket_path), method, path, text], capture_output=True, check=True
    )
    status, _, rest = done.stdout.partition(b"\n")
    return int(status), json.loads(rest) if rest.startswith((b"{", b"[")) else rest


def submitted(product: Product, user: str, command: str, **fields: object) -> int:
    body = {"command": command, "resources": {"cpus": 0.5, "memory_mib": 64}, **fields}
    status, answer = asked(product, user, "POST", "/v1/jobs", body)
    assert status == 201, answer
    return int(answer["id"])


def ended(product: Product, user: str, job_id: int) -> Json:
    def there() -> Json | None:
        _, job = asked(product, user, "GET", f"/v1/jobs/{job_id}")
        return job if job["ended_at"] else None

    return wait_for(there, 60, f"job {job_id} has ended", 0.1)


def as_user(user: str, *command: str) -> int:
    return subprocess.run(
        ["runuser", "-u", user, "--", *command], capture_output=True, check=False
    ).returncode


def test_daemon_is_its_system_user_and_each_job_its_submitter(served: Product) -> None:
    """Threats 12, 33: real, effective and saved ids, and the groups of the user alone."""
    daemon = Path(f"/proc/{served.pid}/status").read_text()
    uid = subprocess.run(
        ["id", "-u", "launchyard"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in daemon
    for user in (ADA, LI):
        job_id = submitted(served, user, "grep -E '^(Uid|Gid|Groups|NoNewPrivs)' /proc/self/status; id -nu")
        assert ended(served, user, job_id)["state"] == "COMPLETED"
        _, log = asked(served, user, "GET", f"/v1/jobs/{job_id}/logs")
        number = subprocess.run(["id", "-u", user], capture_output=True, text=True, check=True).stdout.strip()
        assert f"Uid:\t{number}\t{number}\t{number}\t{number}".encode() in log
        assert b"NoNewPrivs:\t1" in log
        assert log.endswith(user.encode() + b"\n")


def test_nothing_of_the_daemon_is_in_a_jobs_environment(served: Product) -> None:
    """Threat 14: not root's, not the daemon's; the user's own."""
    job_id = submitted(served, ADA, "env")
    ended(served, ADA, job_id)
    _, log = asked(served, ADA, "GET", f"/v1/jobs/{job_id}/logs")
    names = {line.partition(b"=")[0].decode() for line in log.splitlines()}
    known = {
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "PATH",
        "PYTHONPATH",
        "PWD",
        "TMPDIR",
        "ENVIRONMENT",
        "OLDPWD",
        "SHLVL",
        "_",
    }
    own = {name for name in names if name.startswith(("LAUNCHYARD_", "SLURM", "CUDA_", "RAY_"))}
    assert names - own <= known
    assert b"HOME=/home/lytest1\n" in log


def test_objects_of_another_user_are_as_good_as_missing(served: Product) -> None:
    """Threat 10: showing, log, script, why, cancel: the same answer as for what never was."""
    job_id = submitted(served, ADA, "echo secret; sleep 600")
    wait_for(lambda: asked(served, ADA, "GET", f"/v1/jobs/{job_id}/logs")[1] or None, 60, "it prints")
    for method, path in (
        ("GET", ""),
        ("GET", "/logs"),
        ("GET", "/script"),
        ("GET", "/why"),
        ("POST", "/cancel"),
    ):
        theirs = asked(served, LI, method, f"/v1/jobs/{job_id}{path}")
        missing = asked(served, LI, method, f"/v1/jobs/99999{path}")
        assert theirs[0] == missing[0] == 404
        assert theirs[1]["detail"].replace(str(job_id), "N") == missing[1]["detail"].replace("99999", "N")
    assert asked(served, LI, "GET", "/v1/jobs")[1]["jobs"] == []
    assert asked(served, ADA, "GET", f"/v1/jobs/{job_id}")[1]["state"] == "RUNNING"
    assert asked(served, ADA, "POST", f"/v1/jobs/{job_id}/cancel")[0] == 200


def test_logs_scripts_and_the_database_are_closed_to_others_on_disk(served: Product) -> None:
    """Threat 47."""
    job_id = submitted(served, ADA, "echo secret; echo mine > $TMPDIR/file; sleep 600")
    wait_for(lambda: asked(served, ADA, "GET", f"/v1/jobs/{job_id}/logs")[1] or None, 60, "it prints")
    log = asked(served, ADA, "GET", f"/v1/jobs/{job_id}")[1]["log_path"]
    assert as_user(ADA, "cat", log) == 0
    for path in (log, str(served.state / "daemon"), str(served.state / "launcher" / "journal")):
        assert as_user(LI, "cat", path) != 0
        assert as_user(LI, "ls", path + "/") != 0
    for directory in ("", "spool", f"spool/{Path(log).parent.name}", "tmp", "run", "launcher"):
        assert as_user(LI, "touch", str(served.state / directory / "mine")) != 0
    (private,) = (served.state / "tmp").iterdir()
    assert as_user(LI, "ls", str(private)) != 0
    asked(served, ADA, "POST", f"/v1/jobs/{job_id}/cancel")


def test_output_path_through_a_link_has_the_users_rights_only(served: Product, tmp_path: Path) -> None:
    """Threat 16: a link of the user's to a file of somebody else."""
    victim = tmp_path / "victim"
    victim.write_text("root's\n")
    victim.chmod(0o644)
    home = Path("/home/lytest1")
    link = home / "link.log"
    link.unlink(missing_ok=True)
    assert as_user(ADA, "ln", "-s", str(victim), str(link)) == 0
    job = ended(served, ADA, submitted(served, ADA, "echo overwritten", stdout=str(link)))
    assert (job["state"], victim.read_text()) == ("FAILED", "root's\n")
    assert str(link) in job["cause"]


def test_jobs_of_root_are_refused_unless_configured(served: Product) -> None:
    """Root serves others; what it starts itself would run with all rights."""
    job = served.until(served.submit("id", resources={"cpus": 0.5, "memory_mib": 64}))
    assert job["state"] == "FAILED"
    assert "allow_root_jobs" in job["cause"]

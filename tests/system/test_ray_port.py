"""Our port is also the port of Ray's dashboard: whoever comes second takes another, and both work.

In a network and a process namespace of their own, so that the usual port is free, and all ends with it.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.ray_client import programs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.timeout(600),
]

LY = Path(__file__).parents[2] / ".venv" / "bin" / "ly"
CONFIG = """
allow_root_jobs = true
daemon_user = "root"
[[nodes]]
name = "node"
cpus = 2
memory = "4GiB"
"""
HEAD = """
set -eu
ip link set lo up
ly_up() { "$LY" up -d --state "$HOME/state" --config "$HOME/config.toml" >&2; }
ray_up() { "$RAY/ray" start --head --port=0 --num-cpus=1 --temp-dir="$HOME/ray" --disable-usage-stats >&2; }
version() { "$LY" --state "$HOME/state" ray env --json; }
tasks() { "$RAY/python" -c 'import ray; ray.init(address="auto"); print("ray works", ray.is_initialized())'; }
job() { eval "$("$LY" --state "$HOME/state" ray env)"; "$RAY/ray" job submit -- echo ly works 2>/dev/null; }
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a short name: Ray has sockets deep in it."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


def within(place: Path, script: str) -> str:
    """What the script printed; all processes that it started have ended."""
    place.chmod(0o755)
    (place / "config.toml").write_text(CONFIG)
    (place / "config.toml").chmod(0o600)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "LAUNCHYARD_"))}
    done = subprocess.run(
        ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", HEAD + script],
        env={**kept, "HOME": str(place), "LY": str(LY), "RAY": str(programs())},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_cluster_of_the_users_own_starts_beside_the_server(place: Path) -> None:
    said = within(place, "ly_up; version; ray_up; tasks; job")

    assert "http://127.0.0.1:8265" in said
    assert "ray works True" in said
    assert "\nly works\n" in said


def test_the_server_starts_beside_a_cluster_of_the_users_own(place: Path) -> None:
    said = within(place, "ray_up; ly_up; version; tasks; job")

    assert "http://127.0.0.1:8266" in said
    assert "ray works True" in said
    assert "\nly works\n" in said

"""What is executed of a job that asked for a Ray cluster: our program, which becomes the job's own."""

import sys
from pathlib import Path

from launchyard.launcher.messages import package_argv

HEAD = "launchyard.raycluster.head"


def with_cluster(
    argv: tuple[str, ...], script: bytes | None, mode: str | None
) -> tuple[tuple[str, ...], bytes | None]:
    """The command and the script as they are to be executed; `mode` is that of `Launch.ray`."""
    if mode is None:
        return argv, script
    if script is not None:
        return argv, _around(script)
    return (*package_argv(HEAD), *(("--hold",) if mode == "hold" else ()), *argv), None


def _around(script: bytes) -> bytes:
    """A script that starts the cluster and becomes the one within it."""
    parent = str(Path(__file__).resolve().parents[2])
    return (
        f"#!{sys.executable} -IS\n"
        "import sys\n"
        f"sys.path.append({parent!r})\n"
        f"from {HEAD} import of_script\n"
        f"of_script({script!r})\n"
    ).encode()


def pipe_argv() -> tuple[str, ...]:
    """What is started in a job that has a cluster for each connection of a client elsewhere."""
    return tuple(package_argv("launchyard.raycluster.pipe"))

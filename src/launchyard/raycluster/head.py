"""`[--hold] COMMAND...`: start a Ray cluster on the nodes of this job, then become the command.

It is what the job executes. Once Ray runs, this process becomes the command itself, so signals and exit code
are the command's own; Ray's processes belong to the job and end with it, whatever the command did. With
`--hold` there is no command: the cluster stays until the job is ended.
"""

import errno
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import NoReturn

from launchyard.launcher.messages import package_argv
from launchyard.raycluster import place
from launchyard.raycluster.installed import Installed, NotStarted, find
from launchyard.raycluster.shares import share_of, words_of

READY = "ready"
SESSION = "LAUNCHYARD_SESSION"
"""Set in a session, which shows the dashboard."""
ENDS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
OF_OTHERS = ("RAY_ADDRESS", "RAY_JOB_CONFIG_JSON_ENV_VAR", "RAY_TMPDIR")
"""Variables that are not for the cluster's own processes."""
PATIENCE = "RAY_raylet_start_wait_time_s"
OBJECTS = "/dev/shm"  # noqa: S108 - where Ray keeps shared objects


def main() -> NoReturn:
    words = sys.argv[1:]
    hold = words[:1] == ["--hold"]
    run(words[1:] if hold else words, hold=hold)


def of_script(text: bytes) -> NoReturn:
    """The job is a script: its own text, with the arguments that we were given."""
    path = os.path.join(os.environ.get("TMPDIR", ""), "script")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
    with open(fd, "wb") as file:
        file.write(text)
    run([path, *sys.argv[1:]], hold=False)


def run(command: list[str], *, hold: bool) -> NoReturn:
    """Start the cluster and become the command. Without Ray: one sentence, and exit code 1."""
    environ = dict(os.environ)
    try:
        installed = find(command)
        if hold and not installed.client:
            raise NotStarted(
                f"the Ray of {installed.python} serves no ray:// without grpcio; add it: --pip 'ray[client]'"
            )
        facts = start(installed, environ)
    except (NotStarted, OSError, subprocess.SubprocessError) as error:
        print(f"launchyard: {error}", file=sys.stderr)
        sys.exit(1)
    if hold:
        print(f"Ray {facts.ray} with Python {facts.python} runs at {facts.address}", flush=True)
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
        signal.sigwait(ENDS)
        sys.exit(0)
    become(command, {**environ, **variables(facts)})


def start(installed: Installed, environ: Mapping[str, str]) -> place.Facts:
    """Ray on all nodes of the job. Raises `NotStarted`, `OSError`."""
    tmp = environ.get("TMPDIR", "")
    token = secrets.token_hex(32)
    of_ray = {
        **{name: value for name, value in environ.items() if name not in OF_OTHERS},
        **auth(token),
        "RAY_USAGE_STATS_ENABLED": environ.get("RAY_USAGE_STATS_ENABLED", "0"),
        # Where a dashboard starts at the same time on few CPUs, Ray's own 30 s are not enough for its agent.
        "RAY_agent_register_timeout_ms": environ.get("RAY_agent_register_timeout_ms", "120000"),
        # Several that start at once on a busy machine take longer than the 30 s that Ray gives itself.
        PATIENCE: environ.get(PATIENCE, "180"),
    }
    directory = place.directory(tmp, environ.get("LAUNCHYARD_TMPDIR", ""))
    client, dashboard, agent = place.free_ports(3)
    words = [
        "--head",
        "--port=0",
        f"--temp-dir={directory}",
        # Only where a person looks at the cluster in a browser: it costs 200 MiB.
        f"--include-dashboard={'true' if SESSION in environ else 'false'}",
        f"--dashboard-port={dashboard}",
        "--dashboard-agent-listen-port=0",
        "--dashboard-agent-grpc-port=0",
        f"--runtime-env-agent-port={agent}",
        "--min-worker-port=0",
        "--max-worker-port=0",
        *([f"--ray-client-server-port={client}"] if installed.client else []),
        *words_of(share_of(environ), free_bytes()),
    ]
    ray_start(installed, words, of_ray)
    with open(os.path.join(directory, "ray_current_cluster")) as file:
        address = file.read().strip()
    start_others(address, installed, of_ray)
    facts = place.Facts(address, token, client, installed.ray, installed.version, dashboard)
    place.write(tmp, facts)
    return facts


def auth(token: str) -> dict[str, str]:
    """What lets programs into this cluster, and nobody else on the machine."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}


def variables(facts: place.Facts) -> dict[str, str]:
    """What the command finds."""
    own = {"LAUNCHYARD_RAY": "1", "LAUNCHYARD_RAY_DASHBOARD": str(facts.dashboard_port)}
    return {"RAY_ADDRESS": facts.address, **own, **auth(facts.token)}


def free_bytes() -> int:
    try:
        return shutil.disk_usage(OBJECTS).free
    except OSError:
        return 0


def ray_start(installed: Installed, words: list[str], environ: Mapping[str, str]) -> None:
    """Silent unless it fails. Raises `NotStarted`."""
    done = subprocess.run(
        installed.start(*words),
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace"))
        raise NotStarted(f"Ray did not start (`ray start` ended with exit code {done.returncode})")


def start_others(address: str, installed: Installed, environ: Mapping[str, str]) -> None:
    """A step on the job's other nodes, up once each has said so. Raises `NotStarted`."""
    here, nodes = environ.get("LAUNCHYARD_NODE", ""), environ.get("LAUNCHYARD_NODES", "").split(",")
    others = [node for node in nodes if node and node != here]
    if not others:
        return
    reader, writer = os.pipe()
    command = [
        os.path.join(environ["LAUNCHYARD_STATE"], "slurm", "srun"),
        *("--job-name=ray", "--overlap", "--kill-on-bad-exit=0", "--input=none"),
        *(f"--nodes={len(others)}", f"--ntasks={len(others)}", "--ntasks-per-node=1"),
        f"--nodelist={','.join(others)}",
        *package_argv("launchyard.raycluster.worker"),
        address,
        installed.python,
    ]
    apart(command, environ, writer)
    os.close(writer)
    with open(reader) as told:
        up = 0
        while up < len(others) and (line := told.readline()):
            up += line.strip() == READY
    if up < len(others):
        raise NotStarted(f"Ray started on {up + 1} of the job's {len(others) + 1} nodes")


def apart(command: list[str], environ: Mapping[str, str], stdout: int) -> None:
    """Started as nobody's child, so that the job's command has no children that it does not know."""
    pid = os.fork()
    if pid == 0:
        try:
            subprocess.Popen(
                command, env=environ, stdin=subprocess.DEVNULL, stdout=stdout, start_new_session=True
            )
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def become(command: list[str], environ: Mapping[str, str]) -> NoReturn:
    """The job's own command, as the launcher would have started it."""
    # Python ignores these two, and what it executes would go on ignoring them.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, environ)
    except OSError as error:
        missing = error.errno == errno.ENOENT
        why = "command not found" if missing else (error.strerror or "it cannot be executed")
        print(f"launchyard: {command[0]}: {why}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(127 if missing else 126)


if __name__ == "__main__":
    main()

"""What Slurm runs as the script of a job: makes ready what the job was promised, runs it, keeps its end.

Stands alone: nothing beside it is needed on a node, no later Python than 3.6, and no connection to the
server: what became of the job is kept in files of its user's, whatever becomes of Slurm's own records. The
order is put in where ORDER is empty here, see `engine.slurm.asking`.
"""

import base64
import contextlib
import errno
import io
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from typing import Any, Dict, List, Optional, Tuple

ORDER = ""

RAN_BEFORE = 75
"""Our exit code when this launch was begun before: it is never run twice."""
ATTENDANT_PYTHON = (3, 9)
LACKING = 78
"""Our exit code when what the job needs is not on its node: it is all that is told where records are not."""
NOT_FOUND, NOT_EXECUTABLE = 127, 126

OF_SLURM = ("SLURM", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
"""How the names of variables begin that Slurm knows better than we."""
ALSO_OF_SLURM = ("HOSTNAME", "ENVIRONMENT")
OURS = ("SLURM_ARRAY_", "SLURM_RESTART_COUNT", "SLURM_EXPORT_ENV")
"""To Slurm each attempt, and each task of an array of ours, is a job by itself, which knows no number.

That sbatch was given no variables is no wish of the user's, which srun in the script would heed.
"""


def main() -> int:
    order = json.loads(base64.b64decode(ORDER).decode())
    forwarding = Forwarding(order.get("forwards_term", False))
    log_to(order.get("log"), order.get("log_errors", True))
    records = Records(order["directory"], order["launch"])
    if not records.begin():
        # Nothing is said of it: the log is that of the run that was.
        return RAN_BEFORE
    own_tmp, not_started = private_directory(order["launch"]), NOT_EXECUTABLE
    try:
        ended = run(order, own_tmp, forwarding)
    except (OSError, Missing) as error:
        ended = {"error": sentence_of(error) if isinstance(error, OSError) else str(error)}
        not_started = NOT_EXECUTABLE if isinstance(error, OSError) else LACKING
        say(ended["error"])
    finally:
        shutil.rmtree(own_tmp, ignore_errors=True)
    records.end(ended)
    code = ended.get("exit_code")
    if ended.get("signal"):
        die_of(ended["signal"])
    return not_started if code is None else int(code)


def log_to(path: Optional[str], errors_too: bool) -> None:
    """Print there from now on; where that cannot be, what is printed goes where Slurm lets it."""
    if path is None:
        return
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        log = os.open(path, flags, 0o600)
    except OSError as error:
        say(f"its log cannot be kept: {error}")
        return
    os.dup2(log, 1)
    if errors_too:
        os.dup2(log, 2)
    os.close(log)


def run(order: Dict[str, Any], own_tmp: str, forwarding: "Forwarding") -> Dict[str, Any]:
    """Run the job's own program; how it ended, in the words of a record."""
    if order.get("needs") and not os.path.isdir(order["needs"]):
        raise Missing(
            "its runtime environment was made on the server, and is not seen on node %s: %s must be on a "
            "file system that the nodes share" % (here(), order["needs"])
        )
    enter(order["working_dir"], order.get("working_dir_else"))
    environment = environment_of(order, own_tmp)
    argv = list(order["argv"])
    if order.get("code") is not None:
        argv, environment = with_code(order["code"], argv, environment)
    if order.get("script") is not None:
        argv.insert(0, script_file(base64.b64decode(order["script"]), own_tmp))
    if forwarding.ends is not None:
        return {"signal": forwarding.ends}
    child = subprocess.Popen(
        executable(argv, environment),
        env=environment,
        preexec_fn=lambda: ready(order),
    )
    forwarding.to(child)
    limit = Limit(order.get("time_limit_s"), order.get("grace_s", 30.0))
    status = limit.waited(child)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = {"cpu_s": used.ru_utime + used.ru_stime, "memory_peak_mib": used.ru_maxrss / 1024.0}
    ended.update({"signal": -status} if status < 0 else {"exit_code": status})
    if limit.passed:
        ended["timed_out"] = True
    return ended


class Missing(Exception):
    """What the job needs is not on its node; one sentence says what."""


def with_code(code: Dict[str, str], argv: List[str], environment: Dict[str, str]) -> Any:
    """Our own code, unpacked for this user, and the words in which it and a Python for it are named."""
    package = unpacked(code)
    python = python_for(ATTENDANT_PYTHON)
    if python is None:
        raise Missing("this node has no Python 3.9 or newer, which sessions need")

    def said(text: str) -> str:
        return text.replace(code["package"], package).replace(code["python"], python or "")

    return [said(one) for one in argv], {
        name: said(value) if name == "LAUNCHYARD_SESSION" else value for name, value in environment.items()
    }


def unpacked(code: Dict[str, str]) -> str:
    """The directory to import from: of each version one, whole or not there."""
    root = os.path.expanduser(code["root"])
    os.makedirs(root, 0o755, exist_ok=True)
    found = os.lstat(root)
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), root)
    place = os.path.join(root, code["version"])
    if os.path.isdir(place):
        return place
    making = tempfile.mkdtemp(prefix=code["version"] + ".", dir=root)
    data = io.BytesIO(zlib.decompress(base64.b64decode(code["packed"])))
    with tarfile.open(fileobj=data) as tar:
        tar.extractall(making)  # noqa: S202 - packed by our own server
    with contextlib.suppress(OSError):
        os.rename(making, place)
    shutil.rmtree(making, ignore_errors=True)
    return place


def python_for(oldest: Tuple[int, int]) -> Optional[str]:
    """Ours, or one of the node's that is new enough."""
    if sys.version_info >= oldest:
        return sys.executable
    names = ["python3.%d" % minor for minor in range(oldest[1], oldest[1] + 10)]
    found = (shutil.which(name) for name in names)
    return next((path for path in found if path is not None), None)


def ready(order: Dict[str, Any]) -> None:
    """In the child, right before its program: what it is to find as its submitter had it."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if order.get("umask") is not None:
        os.umask(order["umask"])
    for name, wanted in (order.get("soft_limits") or {}).items():
        kind = getattr(resource, "RLIMIT_" + name, None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        asked = resource.RLIM_INFINITY if wanted < 0 else wanted
        soft = hard if hard != resource.RLIM_INFINITY and (asked < 0 or asked > hard) else asked
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (soft, hard))


def environment_of(order: Dict[str, Any], own_tmp: str) -> Dict[str, str]:
    """The job's own variables; those that tell of the allocation are Slurm's."""
    found = {
        name: value
        for name, value in order["environment"].items()
        if name.startswith(OURS) or not name.startswith(OF_SLURM)
    }
    for name, value in os.environ.items():
        if name in ALSO_OF_SLURM or (name.startswith(OF_SLURM) and not name.startswith(OURS)):
            found[name] = value
    found["TMPDIR"] = own_tmp
    found["LAUNCHYARD_NODE"] = here()
    found["LAUNCHYARD_NODES"] = ",".join(expanded(os.environ.get("SLURM_JOB_NODELIST", here())))
    cpus = os.environ.get("SLURM_CPUS_ON_NODE")
    if cpus:
        found["LAUNCHYARD_CPUS"] = cpus
    if order.get("pid_variable"):
        found[order["pid_variable"]] = os.environ.get("SLURM_TASK_PID", str(os.getpid()))
    return found


def here() -> str:
    """What Slurm calls this node."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname().partition(".")[0]


def expanded(text: str) -> List[str]:
    """The nodes that `n[1-3,07],login` names, in their order."""
    nodes: List[str] = []
    for part in re.findall(r"(?:[^,\[\]]|\[[^\]]*\])+", text):
        nodes += _expanded(part)
    return nodes


def _expanded(part: str) -> List[str]:
    head, bracket, rest = part.partition("[")
    if not bracket:
        return [part]
    inside, _, tail = rest.partition("]")
    ends = _expanded(tail)
    found: List[str] = []
    for piece in inside.split(","):
        first, dash, last = piece.partition("-")
        numbers = range(int(first), int(last) + 1) if dash else [int(first)]
        found += [head + str(number).zfill(len(first)) + end for number in numbers for end in ends]
    return found


def enter(directory: str, otherwise: Optional[str]) -> None:
    try:
        os.chdir(directory)
    except OSError:
        if otherwise is None:
            raise
        say(f"{directory} cannot be entered; it runs in {otherwise}")
        os.chdir(otherwise)


def script_file(text: bytes, directory: str) -> str:
    path = os.path.join(directory, "script")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), "wb") as file:
        file.write(text)
    return path


def executable(argv: List[str], environment: Dict[str, str]) -> List[str]:
    """A script where nothing may be executed (`noexec`) is given to its interpreter."""
    path = shutil.which(argv[0], path=environment.get("PATH")) if os.sep not in argv[0] else argv[0]
    if path is None or os.access(path, os.X_OK) or not os.access(path, os.R_OK):
        return argv
    with open(path, "rb") as file:
        first = file.readline(4096)
    return first[2:].decode("utf-8", "surrogateescape").split() + argv if first.startswith(b"#!") else argv


class Forwarding:
    """Signals to the batch script alone reach us; what ends a job is sent to all of it by Slurm itself."""

    ALONE = ("USR1", "USR2", "HUP", "QUIT", "WINCH", "ALRM", "INT", "URG")

    def __init__(self, term_too: bool) -> None:
        self._child: Optional["subprocess.Popen[bytes]"] = None
        self._term_too = term_too
        self.early: List[int] = []
        for name in (*self.ALONE, "TERM"):
            signal.signal(getattr(signal, f"SIG{name}"), self._got)

    @property
    def ends(self) -> Optional[int]:
        """A signal that came before there was a program, and would have ended it."""
        return next((one for one in self.early if one in (signal.SIGTERM, signal.SIGINT)), None)

    def to(self, child: "subprocess.Popen[bytes]") -> None:
        self._child = child
        for number in self.early:
            self._got(number, None)

    def _got(self, number: int, frame: Any) -> None:
        if self._child is None:
            self.early.append(number)
        elif number != signal.SIGTERM or self._term_too:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child.pid, number)


class Limit:
    """A time limit of seconds, where Slurm counts minutes and would let the job have all of the last."""

    def __init__(self, seconds: Optional[float], grace_s: float) -> None:
        self._seconds, self._grace_s = seconds, grace_s
        self._until = None if seconds is None else time.monotonic() + seconds
        self.passed = False

    def waited(self, child: "subprocess.Popen[bytes]") -> int:
        """How it ended, be it by itself or because its time was up."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return _waited(child, self._until)
        if self._is_another():
            return _waited(child, None)
        self.passed = True
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in descendants():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return _waited(child, time.monotonic() + self._grace_s)
        return _waited(child, None)

    def _is_another(self) -> bool:
        """Slurm was told of another one meanwhile, which it sees to itself."""
        ask = ["squeue", "-h", "-o", "%l", "-j", os.environ.get("SLURM_JOB_ID", "")]
        try:
            said = subprocess.check_output(ask, stderr=subprocess.DEVNULL, timeout=20).decode().strip()
        except (OSError, subprocess.SubprocessError):
            return False
        found = re.match(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$", said)
        if found is None:
            return said == "UNLIMITED"
        days, hours, minutes, seconds = (int(one or 0) for one in found.groups())
        there = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return not 0 <= there - (self._seconds or 0) < 60


def _waited(child: "subprocess.Popen[bytes]", until: Optional[float]) -> int:
    """Raises `TimeoutExpired` then."""
    while True:
        try:
            return child.wait(None if until is None else max(0.0, until - time.monotonic()))
        except KeyboardInterrupt:
            continue


def descendants() -> List[int]:
    """All that this process started, and those that they did."""
    parents: Dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat") as file:
                parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
    found = [os.getpid()]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def die_of(number: int) -> None:
    """As the program died, so that Slurm's own records tell it too."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    sys.exit(128 + number)


def private_directory(launch: str) -> str:
    """Where the job may put what it needs no longer than it runs."""
    outer = os.environ.get("TMPDIR", "")
    return tempfile.mkdtemp(prefix=f"launchyard-{launch}-", dir=outer if os.path.isdir(outer) else None)


def sentence_of(error: OSError) -> str:
    return f"{error.filename or 'its program'}: {os.strerror(error.errno or 0)}"


def say(sentence: str) -> None:
    sys.stderr.write(f"launchyard: {sentence}\n")
    sys.stderr.flush()


class Records:
    """Two files a launch in a directory of the user's that the server sees too: `.start` and `.end`."""

    def __init__(self, directory: str, launch: str) -> None:
        self._base = os.path.join(directory, launch)

    def begin(self) -> bool:
        """False: somebody has begun this launch before us."""
        try:
            os.makedirs(os.path.dirname(self._base), 0o700, exist_ok=True)
            self._write(self._base + ".start", self._facts())
        except FileExistsError:
            return False
        except OSError as error:
            say(f"its records cannot be kept, so the server learns of its end from Slurm alone: {error}")
        return True

    def end(self, facts: Dict[str, Any]) -> None:
        facts = dict(self._facts(), **facts)
        part = self._base + ".part"
        try:
            self._write(part, facts)
            os.rename(part, self._base + ".end")
        except OSError as error:
            say(f"how it ended cannot be kept: {error}")

    def _facts(self) -> Dict[str, Any]:
        job = os.environ.get("SLURM_JOB_ID", "")
        return {"at": time.time(), "slurm_id": job, "node": socket.gethostname(), "pid": os.getpid()}

    def _write(self, path: str, facts: Dict[str, Any]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(path, flags, 0o600), "w") as file:
            json.dump(facts, file)
            file.flush()
            os.fsync(file.fileno())


if __name__ == "__main__":
    sys.exit(main())

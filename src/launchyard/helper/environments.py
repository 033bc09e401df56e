"""Sets up runtime environments of jobs, as their user: a program of its own, started by the user's helper.

Orders come one after the other on standard input, a socket, with descriptors of the packages that they need:
when that closes, nobody waits any more and everything started here is killed. What happens goes out as lines
of JSON on standard output; the whole story is in the job's set-up log.

Below the user's directory: `shelf/` what is kept for the next set-up, `jobs/ID/` one job's own writable copy,
`logs/ID.log`, `urls/`, `uv/` (uv's cache).
"""

import contextlib
import json
import os
import queue
import resource
import shutil
import signal
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import IO, Any

from launchyard.helper import uvcache
from launchyard.helper.archives import BadArchive, unpack
from launchyard.helper.conda import Conda
from launchyard.helper.copies import copy_tree, remove_tree, spread
from launchyard.helper.installing import Installer, furnish_venv, masked
from launchyard.helper.shelf import SetupFailed, Shelf
from launchyard.helper.sources import Source, Sources
from launchyard.helper.spares import Spares
from launchyard.launcher.messages import BrokenStream, Decoder, receive
from launchyard.model.errors import LaunchyardError
from launchyard.model.runtimeenv import WHEEL, Requirements, RuntimeEnv, check, expanded

Order = Mapping[str, Any]

NICE = 10
IDLE_S = 20.0
STALE_S = 3600.0
TIDY_S = 60.0
LOG_KEEP_S = 30 * 24 * 3600.0


def main() -> None:
    """One order after the other, until none has come for a while."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    os.umask(0o022)
    _step_back()
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(socket.socket(fileno=os.dup(0)), orders), daemon=True).start()
    with contextlib.suppress(queue.Empty):
        while True:
            order = orders.get(timeout=IDLE_S)
            out.write(f"{json.dumps(_answer(order, out))}\n")
    os._exit(0)


def _step_back() -> None:
    """Jobs have been given their CPUs; what is set up takes what they leave."""
    os.nice(NICE)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _hold_memory(memory_mib: int | None) -> None:
    """No process may have more than all may have together, also where nobody holds all of them to that."""
    if memory_mib is not None:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        wanted = memory_mib << 20
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _answer(order: Order, out: IO[str]) -> dict[str, Any]:
    fds = [one["fd"] for one in order["packages"].values()]
    _hold_memory(order.get("memory_mib"))
    try:
        return {"done": _obey(order, out)}
    except (SetupFailed, BadArchive, LaunchyardError) as error:
        return {"failed": masked(str(error))}
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return {"failed": f"it cannot be written: {error.strerror or error}{where}"}
    except MemoryError:
        return {"failed": "it needs more memory than set-ups may use ([runtime_env] memory)"}
    finally:
        for fd in fds:
            os.close(fd)


def _listen(connection: socket.socket, orders: "queue.SimpleQueue[Order]") -> None:
    """Take orders in, with the descriptors that come with them.

    At the end of the connection nobody waits any more: all that was started here is ended, which is in our
    process group.
    """
    decoder, fds = Decoder(), list[int]()
    with contextlib.suppress(OSError, BrokenStream):
        while True:
            data, came = receive(connection)
            fds += came
            if not data:
                break
            for order in decoder.feed(data):
                mine, fds = fds[: order["fds"]], fds[order["fds"] :]
                packages = {uri: {**one, "fd": mine[one["fd"]]} for uri, one in order["packages"].items()}
                orders.put({**order, "packages": packages})
    os.killpg(0, signal.SIGKILL)


def _obey(order: Order, out: IO[str]) -> dict[str, Any]:
    root = order["root"]
    _refuse_foreign(root)
    if order["task"] == "remove":
        path = os.path.join(root, "jobs", str(int(order["job"])))
        if os.path.isdir(path):
            Spares(os.path.join(root, "spares")).retire(path)
            remove_tree(path)
        return {}
    return SetUp(order, root, out).run()


def _refuse_foreign(root: str) -> None:
    """The directory is ours alone, and nobody else has put it there."""
    with contextlib.suppress(OSError):
        # The launcher makes it; one that was started by an older version does not.
        os.mkdir(root, 0o700)
    try:
        found = os.lstat(root)
    except OSError as error:
        raise SetupFailed(f"the directory for runtime environments {root}: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise SetupFailed(f"{root} is no private directory of yours; tell the operator")


class SetUp:
    """One set-up. `prepare` makes what is kept; `furnish` also gives the job its own copy."""

    def __init__(self, order: Order, root: str, out: IO[str]) -> None:
        self._order = order
        self._root = root
        self._out = out
        self._furnishing = order["task"] == "furnish"
        self._job = int(order["job"])
        for folder in ("jobs", "logs", "shelf"):
            os.makedirs(os.path.join(root, folder), mode=0o700, exist_ok=True)
            if folder != "logs":
                spread(os.path.join(root, folder))
        self._log = open(os.path.join(root, "logs", f"{self._job}.log"), "a", buffering=1)  # noqa: SIM115 - as long as we
        self._shelf = Shelf(os.path.join(root, "shelf"), self.say)
        self.variables: dict[str, str] = dict(order["variables"])
        self._sources = Sources(os.path.join(root, "urls"), order["packages"], self.variables)

    def say(self, what: str) -> None:
        """To whoever waits, and to the log."""
        what = masked(what)
        self._out.write(f"{json.dumps({'phase': what})}\n")
        self._log.write(f"{_clock()} {what}\n")

    def run(self) -> dict[str, Any]:
        env = check(self._order["runtime_env"])
        for name, value in env.env_vars.items():
            self.variables[name] = expanded(value, self.variables)
        began = time.monotonic()
        try:
            with ExitStack() as held:
                self._set_up(env, held)
        except (SetupFailed, BadArchive) as error:
            self._log.write(masked(f"{_clock()} failed: {error}\n"))
            raise
        self._log.write(f"{_clock()} done in {time.monotonic() - began:.1f} s\n")
        self._tidy()
        return {}

    def _set_up(self, env: RuntimeEnv, held: ExitStack) -> None:
        target = os.path.join(self._root, "jobs", str(self._job))
        if self._furnishing and os.path.isdir(target):
            return
        trees: dict[str, str] = {}
        installer = None
        if env.requirements is not None or any(uri.endswith(WHEEL) for uri in env.py_modules):
            installer = Installer(env, self.variables, self._root, self.say, self._log)
        work = None if env.working_dir is None else self._tree(env.working_dir, held)
        _keep(trees, "work", work)
        for number, uri in enumerate(env.py_modules):
            wheel = installer is not None and uri.endswith(WHEEL)
            found = self._wheel(uri, installer, held) if wheel and installer else self._tree(uri, held)
            _keep(trees, f"modules/{number}", found)
        venv = None
        if env.requirements is not None and installer is not None:
            tree = (
                work
                if env.working_dir is None or work is not None
                else env.working_dir.removeprefix("local://")
            )
            venv = self._venv(env.requirements, installer, tree, held)
        conda = None if env.conda is None else self._conda(env.conda, held)
        if self._furnishing:
            self._furnish(target, trees, venv, conda)

    def _conda(self, asked: str | Mapping[str, Any], held: ExitStack) -> tuple[str | None, str]:
        """(key of what is kept, directory)"""
        conda = Conda(self.variables, self._root, self.say, self._log)
        if isinstance(asked, str):
            return None, conda.existing(asked)
        key = conda.key(asked)
        entry = self._shelf.entry(key, lambda path: conda.build(asked, path))
        return key, held.enter_context(entry)

    def _venv(
        self, asked: Requirements, installer: Installer, tree: str | None, held: ExitStack
    ) -> tuple[str, str]:
        """(key, directory) of the environment that is kept."""
        lines = installer.lines(asked, tree)
        key = installer.key(asked, lines, tree)
        entry = self._shelf.entry(key, lambda path: installer.build(asked, lines, tree, path))
        return key, held.enter_context(entry)

    def _wheel(self, uri: str, installer: Installer, held: ExitStack) -> str:
        """The directory with what a wheel holds."""
        with self._sources.of(uri, again=self._furnishing) as source:
            key = f"wheel-{source.digest}-{installer.interpreter.tag}"

            def make(path: str) -> None:
                with tempfile.TemporaryDirectory(dir=self._root) as folder, source.open() as content:
                    wheel = os.path.join(folder, source.name)
                    with open(wheel, "wb") as file:
                        shutil.copyfileobj(content, file)
                    installer.wheel(wheel, path)

            return held.enter_context(self._shelf.entry(key, make))

    def _tree(self, uri: str, held: ExitStack) -> str | None:
        """The directory to which the archive was unpacked; None of one that is used in place."""
        if uri.startswith("local://"):
            path = uri.removeprefix("local://")
            if not os.path.isdir(path):
                raise SetupFailed(f"the directory {path} of {uri} does not exist on this node")
            return None
        strip = not uri.startswith(("gcs://", "package://"))
        with self._sources.of(uri, again=self._furnishing) as source:
            key = f"tree-{source.digest}{'-stripped' if strip else ''}"
            return held.enter_context(
                self._shelf.entry(key, lambda path: self._unpack(uri, source, path, strip))
            )

    def _unpack(self, uri: str, source: Source, path: str, strip: bool) -> None:
        self.say(f"unpacking {uri}")
        try:
            with source.open() as archive:
                unpack(archive, source.name, path, strip=strip)
        except SetupFailed:
            self._sources.forget(uri)
            raise
        except BadArchive as error:
            raise SetupFailed(f"{uri}: {error}") from None

    def _furnish(
        self,
        target: str,
        trees: Mapping[str, str],
        venv: tuple[str, str] | None,
        conda: tuple[str | None, str] | None,
    ) -> None:
        """The job's own copy, which is there as a whole or not at all."""
        fresh = f"{target}.new"
        remove_tree(fresh)
        os.mkdir(fresh, 0o700)
        os.mkdir(os.path.join(fresh, "modules"))
        spares = Spares(os.path.join(self._root, "spares"))
        for name, tree in trees.items():
            if name == "work":
                spares.furnish(tree, fresh, name)
            else:
                copy_tree(tree, os.path.join(fresh, name))
        if venv is not None:
            key, kept = venv
            weight = self._shelf.weight(key)
            if furnish_venv(kept, weight, os.path.join(fresh, "venv"), os.path.join(target, "venv")):
                _note_use(fresh, key)
        if conda is not None:
            os.symlink(conda[1], os.path.join(fresh, "conda"))
            if conda[0] is not None:
                _note_use(fresh, conda[0])
        os.rename(fresh, target)

    def _tidy(self) -> None:
        """Remove what no job that we were told of needs any more; once in a while is enough."""
        stamp = os.path.join(self._root, "tidied")
        with contextlib.suppress(FileNotFoundError):
            if 0 <= time.time() - os.stat(stamp).st_mtime < TIDY_S:
                return
        with open(stamp, "w"):
            os.utime(stamp)
        running = {str(one) for one in self._order["running"]} | {str(self._job)}
        now = time.time()
        for folder, keep_s in (("jobs", max(STALE_S, self._order["keep_failed_s"])), ("logs", LOG_KEEP_S)):
            where = os.path.join(self._root, folder)
            for name in os.listdir(where):
                path = os.path.join(where, name)
                with contextlib.suppress(OSError):
                    if name.partition(".")[0] not in running and os.lstat(path).st_mtime < now - keep_s:
                        remove_tree(path) if folder == "jobs" else os.unlink(path)
        uvcache.trim(self._root, self._order["shelf_max_bytes"])
        self._shelf.trim(self._order["shelf_max_bytes"], set(_in_use(os.path.join(self._root, "jobs"))))


def _keep(trees: dict[str, str], name: str, tree: str | None) -> None:
    if tree is not None:
        trees[name] = tree


def _note_use(folder: str, key: str) -> None:
    """What is kept under this key stays as long as the job's own directory."""
    with open(os.path.join(folder, "uses"), "w") as file:
        json.dump([key], file)


def _in_use(jobs: str) -> Iterator[str]:
    """The kept environments that a job's own one leads to."""
    for name in os.listdir(jobs):
        with contextlib.suppress(OSError, ValueError), open(os.path.join(jobs, name, "uses")) as file:
            yield from json.load(file)


def _clock() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

"""The quick way to start a child, for launches that need no more than our own directories and a plain exec.

A forked Python pays for each page that it touches, more than the program it becomes. Where nothing has to be
done between fork and exec but what the interpreter's own `subprocess` does in C (new session, directory,
streams, close the rest, exec), that C does it. The log, the script and the private TMPDIR are made before,
since they lie in directories of the launcher; the user's directory and program only the child touches. While
these are on this machine for sure, the child does not even get page tables of its own (vfork): the launcher
waits for its exec then, which nothing can delay.

When the child cannot go on it only says so, and the launch is done again the plain way, whose sentences say
what is wrong. Its program has not run then, so nothing runs twice.
"""

import contextlib
import os
import resource
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from launchyard.launcher.child import Plan, make, search
from launchyard.launcher.mounts import Mounts

try:
    from _posixsubprocess import fork_exec
except ImportError:  # an interpreter that is built otherwise
    fork_exec = None  # type: ignore[assignment]


class Ready(NamedTuple):
    """What the C code is given, and the descriptors that are to be closed afterwards."""

    words: list[bytes]
    candidates: list[bytes]
    variables: list[bytes]
    cwd: bytes
    cpu_ids: Sequence[int]
    log: int
    report_read: int = -1
    report_write: int = -1
    share: bool = False
    """Nothing that the child touches can make it wait: it may use our memory until its exec (vfork)."""


class Quick:
    """Starts children; `usable` tells whether this interpreter can. Our own rights only, none to gain."""

    def __init__(self, *, switch: bool) -> None:
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._mounts = Mounts()
        self.usable = fork_exec is not None and not switch and self._works()

    def suits(self, plan: Plan) -> bool:
        plain = plan.stdout is None and plan.stderr is None and plan.terminal is None and plan.stdin is None
        return (
            self.usable
            and plain
            and not plan.rooms
            and plan.prolog is None
            and plan.no_new_privs
            and plan.uid == os.getuid()
            and plan.spool_log is not None
            and bool(plan.argv or plan.script)
        )

    def new_stroke(self) -> None:
        """What was found out about paths is true for one stroke of forks only."""
        self._mounts.look_again()

    def ready(self, plan: Plan) -> "Ready":
        """All that can be done before the fork. Raises `SetupFailed`, `OSError` or `ValueError`."""
        made = make(plan, None)
        try:
            candidates = search(made.program, made.env)
            ready = Ready(
                words=[os.fsencode(word) for word in made.program],
                candidates=[os.fsencode(path) for path in candidates],
                variables=[os.fsencode(f"{name}={value}") for name, value in made.env.items()],
                cwd=os.fsencode(plan.cwd),
                cpu_ids=plan.cpu_ids,
                log=made.spool,
                share=self._mounts.all_local(plan.cwd, candidates),
            )
            report_read, report_write = os.pipe()
        except BaseException:
            os.close(made.spool)
            raise
        return ready._replace(report_read=report_read, report_write=report_write)

    def fork(self, ready: "Ready") -> int:
        """The child's pid; as little as can be is done from one fork to the next (see the module).

        Raises `OSError`, or `ValueError` of a word with a zero in it, with everything closed.
        """
        before = os.sched_getaffinity(0) if ready.cpu_ids else None
        try:
            # A child inherits it; set from outside it would come too late.
            if before is not None:
                os.sched_setaffinity(0, ready.cpu_ids)
            return self._fork(ready)
        except BaseException:
            for fd in (ready.log, ready.report_read, ready.report_write):
                os.close(fd)
            raise
        finally:
            if before is not None:
                os.sched_setaffinity(0, before)

    @contextlib.contextmanager
    def files_max(self, soft: int) -> Iterator[None]:
        """For the moment of some forks: the children's limit of open files rather than ours."""
        ours = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, ours[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, ours)

    def forked(self, ready: "Ready") -> int:
        """Close what is the child's; the end of the pipe that says whether it came to its exec."""
        os.close(ready.log)
        os.close(ready.report_write)
        os.set_blocking(ready.report_read, False)
        return ready.report_read

    def _fork(self, ready: "Ready") -> int:
        return fork_exec(
            ready.words,
            ready.candidates,
            True,  # close all other descriptors
            (ready.report_write,),
            ready.cwd,  # type: ignore[arg-type]
            ready.variables,
            self._null,
            -1,
            -1,
            ready.log,
            -1,
            ready.log,
            ready.report_read,
            ready.report_write,
            True,  # undo what Python does with signals
            True,  # a session of its own
            -1,
            None,
            None,
            None,
            0o022,
            None,  # type: ignore[arg-type]
            ready.share,
        )

    def _works(self) -> bool:
        """Try it once: what lies behind the name may change from one interpreter to the next."""
        read, write = os.pipe()
        words, paths = [b"true"], [b"/bin/true"]
        try:
            for share in (False, True):
                pid = self._fork(Ready(words, paths, [], b"/", (), self._null, read, write, share))
                _, status = os.waitpid(pid, 0)
                if status != 0:
                    return False
        except (TypeError, OSError):
            return False
        finally:
            os.close(read)
            os.close(write)
        return True

"""The launcher: one loop that starts launches, enforces their limits, sees their end and tells the daemon.

A tick hears what arrived, reaps, runs what is due, then syncs the journal once, then forks and tells. Nothing
is forked before its intent is durable and nothing is told before its record is.
"""

import contextlib
import errno
import gc
import os
import resource
import select
import signal
import socket
import stat
import time
from collections.abc import Callable

from launchyard import faults
from launchyard.launcher import messages, processes
from launchyard.launcher.attendants import Attendants, Refusal
from launchyard.launcher.child import (
    Made,
    Plan,
    fork,
    make,
    manners,
    usual_signals,
)
from launchyard.launcher.endings import Endings, usage_of
from launchyard.launcher.hooks import PROLOG
from launchyard.launcher.kernel import become_subreaper, boot_clock, boot_ticks, forbid_new_privileges
from launchyard.launcher.limits import Limits
from launchyard.launcher.link import Link, peer_of
from launchyard.launcher.messages import Message
from launchyard.launcher.orders import NoRoom, Orders
from launchyard.launcher.outputs import SetupFailed, reason
from launchyard.launcher.pipes import Pipes, give_leave, keep_waiting, make_pipes
from launchyard.launcher.quick import Quick, Ready
from launchyard.launcher.recovery import Recovery
from launchyard.launcher.runners import Runners
from launchyard.launcher.state import Settings, State, log
from launchyard.launcher.table import Launch
from launchyard.launcher.waking import drain, wake_on_signals

_PIDS_MAX = 16384
_FORKS_A_TICK = 8
_REAPS_A_TICK = 256
_REWRITE_BYTES = 768 * 1024
_IDLE_S = 5.0
_RETRY_S = 0.5
_SCARCE = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""What goes away by itself when something else ends."""


class Launcher:
    """Everything is called from `run`, on one thread."""

    def __init__(self, settings: Settings, keeper: Link) -> None:
        self._settings = settings
        self._keeper = keeper
        self._state = State(settings)
        self._state.keeper_pid, _ = peer_of(keeper.connection)
        self._endings = Endings(self._state)
        self._limits = Limits(self._state, self._endings)
        self._runners = Runners(self._state)
        self._recovery = Recovery(self._state, self._endings, self._limits, self._runners)
        refusal = Refusal(switch=settings.switch, allow_root_jobs=settings.allow_root_jobs)
        self._attendants = Attendants(self._state, refusal, self._endings.sweep_later)
        parts = (self._endings, self._limits, refusal, self._attendants, self._runners)
        self._orders = Orders(self._state, *parts)
        self._daemon: Link | None = None
        self._listener: socket.socket | None = None
        self._poll = select.epoll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._state.watch, self._state.unwatch = self._watch, self._unwatch
        self._spools: set[int] = set()
        self._quick = Quick(switch=settings.switch)
        self._journal_broken = False
        self._has_head = False
        self._on_timer = self._limits.kinds | self._recovery.kinds
        self._swept_at = 0.0
        self._forks_from = 0.0

    # ---- the loop

    def _watch(self, fd: int, handler: Callable[[], None]) -> None:
        self._poll.register(fd, select.EPOLLIN)
        self._handlers[fd] = handler

    def _unwatch(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            with contextlib.suppress(OSError):
                self._poll.unregister(fd)

    def run(self) -> None:
        """Until the keeper is gone. The way to stop a launcher is to kill it."""
        wake = wake_on_signals()
        self._watch(wake.fileno(), lambda: drain(wake))
        self._watch(self._keeper.fileno(), self._hear_keeper)
        self._has_head = self._recovery.load()
        self._rewrite_journal()
        self._recovery.clear_leftovers(self._attendants)
        self._listener = _listen(self._settings)
        self._watch(self._listener.fileno(), self._accept)
        self._keeper.send({"t": "ready"})
        self._keeper.flush()
        while not self._keeper.closed:
            self._tick()

    def _tick(self) -> None:
        self._hear()
        self._state.fence.new_tick()
        self._reap()
        self._run_due()
        if self._sync():
            self._tell()
            self._start_pending()
            self._endings.tidy(self._attendants.clean)

    def _hear(self) -> None:
        ready = [(fd, self._handlers.get(fd)) for fd, _ in self._poll.poll(self._wait_s())]
        for fd, handler in ready:
            # A handler before it may have closed this one, and the number may be another's by now.
            if handler is not None and self._handlers.get(fd) is handler:
                handler()

    def _wait_s(self) -> float:
        """How long there is nothing to do unless something arrives."""
        now, state = boot_clock(), self._state
        wait_s = state.timers.wait_s(now, _IDLE_S)
        if self._journal_broken:
            return min(wait_s, _RETRY_S)
        if state.outbox or state.journal.dirty:
            return 0
        if self._orders.pending:
            return max(0.0, min(wait_s, self._forks_from - now))
        return wait_s

    def _run_due(self) -> None:
        now = boot_clock()
        for name, kind in self._state.timers.due(now):
            if kind in ("attendant", "runner"):
                (self._attendants.overdue if kind == "attendant" else self._runners.due)(name)
            elif (launch := self._state.table.live.get(name)) is not None:
                self._on_timer[kind](launch)
        if now - self._swept_at > 1:
            self._swept_at = now
            self._endings.sweep()
            self._limits.sweep(now)
            if self._state.journal.size > _REWRITE_BYTES or self._journal_broken:
                self._rewrite_journal()

    def _sync(self) -> bool:
        """Make the journal durable; False: it cannot be, so nothing is told and nothing started."""
        try:
            if not self._has_head:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._state.journal.sync()
        except OSError as error:
            if not self._journal_broken:
                log(f"the journal cannot be written: {error.strerror}")
            self._journal_broken = True
            self._hang_up()
            return False
        self._journal_broken = False
        for point in self._state.passed:
            faults.point(point)
        self._state.passed.clear()
        self._endings.settle()
        self._attendants.start_waiting()
        self._runners.start_waiting()
        return True

    def _rewrite_journal(self) -> None:
        try:
            self._state.journal.rewrite(self._state.table.records())
            self._has_head = True
        except OSError as error:
            log(f"the journal cannot be rewritten: {error.strerror}")

    # ---- children

    def _reap(self) -> None:
        for _ in range(_REAPS_A_TICK):
            try:
                # Looked at first, so that the exit is on record before the kernel forgets it.
                seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if seen is None:
                return
            self._forks_from = 0.0  # something is free again
            if (launch := self._state.mains.get(seen.si_pid)) is None:
                _, status, rusage = os.wait4(seen.si_pid, 0)
                if not self._runners.ended(seen.si_pid, status, usage_of(rusage)):
                    self._attendants.ended(seen.si_pid, status)
                continue
            self._runners.main_ended(launch)
            if self._is_to_be_done_again(launch):
                os.waitpid(seen.si_pid, 0)
                continue
            status = processes.wait_status(seen)
            self._state.remember({"k": "exit", "l": launch.l, "w": status})
            with contextlib.suppress(OSError):
                self._state.journal.flush()
            _, status, rusage = os.wait4(seen.si_pid, 0)
            self._state.children.pop(seen.si_pid, None)
            self._endings.main_ended(launch, status, usage_of(rusage))

    def _is_to_be_done_again(self, launch: Launch) -> bool:
        """Whether the dead child never came to its exec: then it is started the plain way, which says why."""
        if launch.again is None:
            return False
        self._endings.hear_setup(launch)
        if "again" not in launch.marks:
            return False
        self._endings.close_setup(launch)
        del launch.marks["again"]
        state, order = self._state, launch.again
        del state.mains[launch.pid], state.children[launch.pid]
        launch.again, launch.pid, launch.start = None, 0, 0
        if launch.kill_at is None:
            self._orders.pending[launch.l] = order | {"plainly": True}
        else:
            # The order to end it, which went to the child that is dead, holds for the next one too.
            self._orders.refuse(launch, "cancelled before it started")
        return True

    def _start_pending(self) -> None:
        """Fork what has its intent on record, in strokes: a page shared with a child is dear to touch."""
        pending = self._orders.pending
        if not pending or boot_clock() < self._forks_from:
            return
        faults.point("intent")
        prepared = []
        self._quick.new_stroke()
        for l in list(pending)[:_FORKS_A_TICK]:
            ready = self._prepare(l, pending[l])
            if ready is not None:
                prepared.append(ready)
        with self._quick.files_max(self._settings.files_soft_max):
            forked = [one for one in prepared if self._fork(*one)]
        faults.point("fork")
        for launch, plan, pipes, _ in forked:
            self._started(launch, plan.cwd, pipes)

    def _fork(self, launch: Launch, plan: Plan, pipes: Pipes | Ready, made: Made | None) -> bool:
        before = boot_ticks()
        try:
            launch.pid = fork(plan, pipes, made) if isinstance(pipes, Pipes) else self._quick.fork(pipes)
        except Exception as error:
            if isinstance(pipes, Ready) and not _is_scarcity(error):
                # The plain way says in a sentence what is wrong with it.
                self._orders.pending[launch.l]["plainly"] = True
            else:
                self._try_later(launch, error)
            return False
        # The kernel counts a start in the same ticks. Asking /proc for it costs as much as the fork.
        launch.start = before if boot_ticks() == before else 0
        del self._orders.pending[launch.l]
        return True

    def _prepare(self, l: str, message: Message) -> tuple[Launch, Plan, Pipes | Ready, Made | None] | None:
        launch = self._state.table.live[l]
        try:
            plan = self._plan(launch, message)
            if self._quick.suits(plan) and "plainly" not in message:
                launch.again = message
                return launch, plan, self._quick.ready(plan), None
            pipes = make_pipes()
            return launch, plan, pipes, self._made(plan, pipes)
        except SetupFailed as failed:
            self._orders.refuse(launch, str(failed))
        except Exception as error:
            if _is_scarcity(error):
                self._try_later(launch, error)
                return None
            # Of this one launch, whatever it is: it is not tried for ever, and the others are.
            self._spools.discard(launch.uid)
            self._orders.refuse(launch, f"the launcher could not start it: {error}")
        del self._orders.pending[l]
        return None

    def _made(self, plan: Plan, pipes: Pipes) -> Made | None:
        """What can be made before the fork; nothing for a user that only the child may ask for."""
        if plan.user is None:
            return None
        try:
            return make(plan, plan.user)
        except BaseException:
            for fd in pipes:
                os.close(fd)
            raise

    def _try_later(self, launch: Launch, error: Exception) -> None:
        """Processes or descriptors have run out: the launches wait for those that end."""
        log(f"cannot fork now: {reason(error) if isinstance(error, OSError) else error}")
        self._state.fence.release_cpuset(launch.cpu_ids)
        self._forks_from = boot_clock() + _RETRY_S

    def _started(self, launch: Launch, cwd: str, pipes: Pipes | Ready) -> None:
        """Put the start on record, then let the child go on to its exec."""
        state, pid = self._state, launch.pid
        launch.start = launch.start or processes.start_time(pid) or 0
        launch.at, launch.began = round(time.time(), 6), round(boot_clock(), 3)
        launch.seq_start = state.table.next_seq()
        state.mains[pid], state.children[pid] = launch, launch.l
        state.remember(launch.start_record(), "start-record")
        if isinstance(pipes, Ready):
            launch.setup = self._quick.forked(pipes)
        try:
            state.journal.flush()
            if isinstance(pipes, Pipes):
                launch.setup = give_leave(pipes)
        except OSError:
            if isinstance(pipes, Pipes):
                # Without a record of the start it must not run; its child has not executed anything.
                launch.setup = keep_waiting(pipes)
                os.kill(pid, signal.SIGKILL)
        launch.cwd = cwd
        if launch.setup is not None:
            state.watch(launch.setup, lambda: self._endings.hear_setup(launch))
        self._limits.begin(launch)
        state.tell(messages.started(launch.seq_start, launch.l, pid=pid, at=launch.at))

    def _plan(self, launch: Launch, message: Message) -> Plan:
        settings, l = self._settings, launch.l
        rooms = self._state.fence.rooms(
            l,
            memory_mib=launch.memory_mib,
            pids_max=message.get("pids_max") or _PIDS_MAX,
            cpu_ids=launch.cpu_ids,
        )
        return Plan(
            uid=launch.uid,
            switch=settings.switch,
            argv=message["argv"],
            env=self._state.short_tmp.put(message["env"], l),
            cwd=message["cwd"],
            **manners(message),
            launch_id=l,
            rooms=rooms,
            cpu_ids=launch.cpu_ids,
            files_soft_max=settings.files_soft_max,
            reset_oom_score=True,
            spool=self._spool(launch.uid),
            spool_log=message["spool_log"],
            script_name=launch.script_name,
            script=message.get("script"),
            stdout=message.get("stdout"),
            stderr=message.get("stderr"),
            append=message.get("append", True),
            terminal=message.get("terminal"),
            private_tmp=self._state.spares.take(launch.uid, settings.path("tmp", l)),
            user=self._state.users.get(launch.uid) if settings.switch else None,
            no_new_privs=message.get("no_new_privs", True),
            prolog=self._state.hooks.of(PROLOG, l, launch.order),
        )

    def _spool(self, uid: int) -> str:
        path = self._settings.path("spool", str(uid))
        if uid not in self._spools:
            make_own_directory(path, 0o711)
            self._spools.add(uid)
        return path

    # ---- the keeper

    def _hear_keeper(self) -> None:
        for message in self._keeper.receive():
            if message["t"] == "exit":
                self._recovery.reaped_elsewhere(message)

    # ---- the daemon

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            log(f"cannot accept a connection: {error.strerror}")
            return
        if self._state.resting:
            # Whoever got an answer would believe in us.
            connection.close()
            return
        _, uid = peer_of(connection)
        if uid not in (self._settings.daemon_uid, os.getuid()):
            log(f"refused a connection of user {uid}")
            connection.close()
            return
        self._hang_up()
        self._daemon = Link(connection)
        self._watch(connection.fileno(), self._hear_daemon)

    def _hang_up(self) -> None:
        if self._daemon is not None:
            self._unwatch(self._daemon.fileno())
            self._daemon.close()
            self._daemon = None
        self._drop_outbox()

    def _drop_outbox(self) -> None:
        """What was not said on this connection is said again on the next, or not wanted any more."""
        for _, fd in self._state.outbox:
            if fd is not None:
                os.close(fd)
        self._state.outbox.clear()

    def _hear_daemon(self) -> None:
        daemon = self._daemon
        if daemon is None:
            return
        for message in daemon.receive():
            if daemon is not self._daemon:
                return
            try:
                self._orders.take(message)
            except NoRoom as error:
                log(str(error))
                self._hang_up()
                return
            except Exception as error:
                # Whatever is wrong with one order, those who run here and other orders do not pay for it.
                log(f"a '{message['t']}' of the daemon cannot be carried out: {error!r}")
                self._hang_up()
                return
        if daemon.closed:
            self._hang_up()

    def _tell(self) -> None:
        for number in self._state.heard:
            self._keeper.send({"t": "ack", "n": number})
        self._state.heard.clear()
        self._keeper.flush()
        if self._daemon is None:
            self._drop_outbox()
            return
        for message, fd in self._state.outbox:
            self._daemon.send(message, fd)
        self._state.outbox.clear()
        self._daemon.flush()
        if self._daemon.closed:
            self._hang_up()
        elif self._daemon.waiting:
            self._poll.modify(self._daemon.fileno(), select.EPOLLIN | select.EPOLLOUT)
        else:
            self._poll.modify(self._daemon.fileno(), select.EPOLLIN)


def _is_scarcity(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _SCARCE


def make_own_directory(path: str, mode: int) -> None:
    """Make a directory, or see that it is ours and nobody else can write there."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, mode)
    found = os.stat(path, follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"'{path}' is not a directory of user {os.getuid()}; remove it")
    if stat.S_IMODE(found.st_mode) != mode:
        os.chmod(path, mode)


def _listen(settings: Settings) -> socket.socket:
    path = settings.path(messages.SOCKET_NAME)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    if os.getuid() == 0:
        os.chown(path, settings.daemon_uid, -1)
    listener.listen(16)
    listener.setblocking(False)
    return listener


def serve(settings: Settings, keeper_fd: int) -> None:
    """Be the launcher; returns when the keeper is gone."""
    become_subreaper()
    usual_signals()
    if not settings.switch:
        # For all children at once: what is started the quick way cannot do it for itself.
        forbid_new_privileges()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    keeper = socket.socket(fileno=keeper_fd)
    launcher = Launcher(settings, Link(keeper))
    # What is there now stays for ever: forked children need not copy it to count references.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    launcher.run()

"""srun's talk with the runners of its step, from the first connection to the last task's end."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.steps.inputs import Source
from launchyard.cli.slurm.steps.listening import Listener
from launchyard.cli.slurm.steps.outputs import Gone, Outputs
from launchyard.cli.slurm.steps.parts import Part, Parts
from launchyard.cli.slurm.steps.screen import size
from launchyard.model.light import NamedTuple
from launchyard.runner.connection import Connection
from launchyard.runner.frames import (
    ERRORS,
    EXITED,
    FINISHED,
    HELLO,
    INPUT,
    OBSERVE,
    OUTPUT,
    SIGNALLED,
    STARTED,
    TAKEN,
    BrokenStream,
    Frame,
)
from launchyard.runner.signals import PASSED_ON, Signals
from launchyard.slurm.stepends import OUT_OF_MEMORY, exit_code, sentences

KILL_WAIT_S = 30.0
PATIENCE_S = 32.0
"""After the tasks were told to end, until srun goes without them."""
LEAVE_S = 5.0
"""After a runner said that it is done, until srun goes without its exit."""
TOGETHER_S = 0.05
"""Ends of tasks within this time are told in one line."""
INTERRUPT_S = 2.0
"""From an interrupt of the tasks to TERM."""
CONNECT_S = 5.0
"""How long runners may take before the server is asked what became of them."""
OBSERVER_BACKLOG_MAX = 4 * 1024 * 1024
_IN = select.POLLIN | select.POLLHUP | select.POLLERR


class Manners(NamedTuple):
    """What srun was told about how to behave."""

    kill_on_bad_exit: bool = False
    wait_s: float | None = None
    quiet: bool = False
    disable_status: bool = False
    quit_on_interrupt: bool = False
    terminal: bool = False
    ends_at: float | None = None
    """When the job's time is over."""


class Conversation:
    """`run` answers srun's exit code."""

    def __init__(
        self,
        listener: Listener,
        step: str,
        parts: Parts,
        outputs: Outputs,
        sources: list[Source],
        manners: Manners,
        gone: Callable[[], str | None],
    ) -> None:
        """`step` is its id (`12.0`); `gone` says what became of runners that did not come, if anything."""
        self._listener = listener
        self._step = step
        self._parts = parts
        self._outputs = outputs
        self._sources = list(sources)
        self._manners = manners
        self._gone = gone
        self._strangers: list[Connection] = []
        self._observers: dict[Connection, bool] = {}
        self._signals = Signals(_forwarded())
        self._untold: dict[int, int] = {}
        self._alarms: dict[str, float] = {"connect": time.monotonic() + CONNECT_S}
        self._aborted = False
        self._ended_by: set[str] = set()
        self._short_of_memory: set[str] = set()
        self._interrupted_at = self._sent_at = -10.0
        self._does: Mapping[int, Callable[[Part, Frame], None]] = {
            OUTPUT: self._wrote,
            ERRORS: self._wrote,
            EXITED: self._exited,
            STARTED: self._started,
            TAKEN: self._took,
            FINISHED: self._finished,
            SIGNALLED: self._signalled_there,
        }

    def run(self) -> int:
        while not self._parts.over:
            self._turn()
        with contextlib.suppress(Gone):
            self._outputs.end()
        self._tell_ends()
        for observer in self._observers:
            observer.end(1.0)
        return exit_code(self._parts.ended.values())

    def say(self, text: str) -> None:
        """A line for information."""
        if not self._manners.quiet:
            self._print(text)

    def _print(self, text: str) -> None:
        end = "\r\n" if self._manners.terminal else "\n"
        with contextlib.suppress(OSError):
            os.write(2, f"srun: {text}{end}".encode(errors="surrogateescape"))

    # ---- the loop

    def _turn(self) -> None:
        poll = select.poll()
        poll.register(self._signals, select.POLLIN)
        poll.register(self._listener, select.POLLIN)
        peers: dict[int, Callable[[], None]] = {}
        for part in self._parts.connected:
            if part.connection is not None:
                self._watch(poll, part.connection)
                peers[part.connection.fileno()] = partial(self._hear, part)
        for other in (*self._strangers, *self._observers):
            self._watch(poll, other)
            peers[other.fileno()] = partial(self._meet, other)
        sources = {one.fd: one for one in self._sources if self._parts.thirsty(one.rank)}
        for fd in sources:
            poll.register(fd, _IN)
        for fd, _ in poll.poll(self._pause_ms()):
            if fd == self._signals.fileno():
                self._signalled()
            elif fd == self._listener.fileno():
                self._accept()
            elif fd in peers:
                peers[fd]()
            elif fd in sources:
                self._feed(sources[fd])
        self._ring()

    def _watch(self, poll: "select.poll", connection: Connection) -> None:
        poll.register(connection, _IN | (select.POLLOUT if connection.waiting else 0))

    def _pause_ms(self) -> float | None:
        if not self._alarms:
            return None
        return max(0.0, min(self._alarms.values()) - time.monotonic()) * 1000 + 1

    def _ring(self) -> None:
        """What is due by now."""
        now = time.monotonic()
        for name in [name for name, at in self._alarms.items() if at <= now]:
            del self._alarms[name]
            if name == "ends":
                self._tell_ends()
            elif name == "connect":
                self._look_for_the_missing()
            elif name == "first":
                self._first_was_long_ago()
            elif name == "terminate":
                self.terminate()
            elif name == "patience":
                self._give_up()
            elif name == "leave":
                self._leave_behind()

    def _look_for_the_missing(self) -> None:
        if not self._parts.missing:
            return
        if (sentence := self._gone()) is not None:
            self._parts.signal(signal.SIGKILL)
            raise Refused(f"error: {sentence}")
        self._alarms["connect"] = time.monotonic() + CONNECT_S

    def _first_was_long_ago(self) -> None:
        self.say(f"First task exited {self._manners.wait_s:.0f}s ago")
        self._show_states()
        self.terminate()

    def _give_up(self) -> None:
        self._print("error: Timed out waiting for job step to complete")
        for part in self._parts.connected:
            self._parts.lose(part)
        for part in self._parts.missing:
            self._parts.give_up(part)

    def _leave_behind(self) -> None:
        """Runners that said their last word some time ago and are still there."""
        for part in self._parts.connected:
            if part.finished:
                self._parts.lose(part)

    # ---- who connects

    def _accept(self) -> None:
        while (accepted := self._listener.accept()) is not None:
            self._strangers.append(Connection(accepted))

    def _meet(self, other: Connection) -> None:
        """The first words of somebody who connected, or what an observer has to say."""
        other.flush()
        for one in self._received(other):
            if one.kind == HELLO and other in self._strangers:
                self._welcome(other, one)
            elif one.kind == OBSERVE and other in self._strangers:
                self._strangers.remove(other)
                self._observers[other] = bool(one.object().get("input"))
            elif one.kind == INPUT and self._observers.get(other):
                self._parts.give(one.task, one.data)
        if other.lost:
            self._observers.pop(other, None)
            if other in self._strangers:
                self._strangers.remove(other)

    def _welcome(self, other: Connection, hello: Frame) -> None:
        self._strangers.remove(other)
        said = hello.object()
        part = self._parts.awaited(str(said.get("node")))
        if part is None:
            other.end(0.1)
            return
        if self._aborted:
            other.end(0.1)
            self._untold.update(self._parts.give_up(part))
            return
        own = said.get("environment") or {}
        part.launch(other, {str(name): str(value) for name, value in own.items()})
        self._hear(part)

    def _received(self, connection: Connection) -> list[Frame]:
        try:
            return connection.receive()
        except BrokenStream:
            connection.end(0.1)
            connection.lost = True
            return []

    # ---- runners

    def _hear(self, part: Part) -> None:
        connection = part.connection
        if connection is None:
            return
        connection.flush()
        for one in self._received(connection):
            if (act := self._does.get(one.kind)) is not None:
                act(part, one)
        if connection.lost and part.connection is not None:
            lost = self._parts.lose(part)
            if lost and not self._aborted:
                self._abort()
            self._untold.update((rank, self._parts.ended[rank]) for rank in lost)

    def _wrote(self, part: Part, one: Frame) -> None:
        for observer in self._observers:
            if observer.waiting < OBSERVER_BACKLOG_MAX:
                observer.send(one.kind, one.data, one.task)
        try:
            self._outputs.write(one.task, one.data, errors=one.kind == ERRORS)
        except Gone:
            self._parts.signal(signal.SIGKILL)

    def _started(self, part: Part, one: Frame) -> None:
        self._parts.running.update(int(rank) for rank in one.object())

    def _exited(self, part: Part, one: Frame) -> None:
        said = one.object()
        status = int(said["status"])
        if kills := int(said.get("oom") or 0):
            status = OUT_OF_MEMORY
            self._tell_oom(part, kills)
        for observer in self._observers:
            observer.send(one.kind, one.data, one.task)
        first = not self._parts.ended
        if part.node in self._ended_by and os.WIFSIGNALED(status) and not self._aborted:
            self._aborted = True
            self._tell_cancelled(part)
        self._parts.running.discard(one.task)
        self._parts.ended[one.task] = self._untold[one.task] = status
        now = time.monotonic()
        self._alarms["ends"] = now if len(self._parts.ended) == len(self._parts.node_of) else now + TOGETHER_S
        if first and self._manners.wait_s:
            self._alarms["first"] = now + self._manners.wait_s
        if status and self._manners.kill_on_bad_exit and not self._aborted and self._parts.running:
            self._tell_ends()
            self.say(f"Terminating StepId={self._step}")
            self.terminate()

    def _tell_oom(self, part: Part, kills: int) -> None:
        """Once a node, in the words that programs look for."""
        if part.node not in self._short_of_memory:
            self._short_of_memory.add(part.node)
            self._print_of_stepd(
                f"error: Detected {kills} oom_kill event{'' if kills == 1 else 's'} in StepId={self._step}. "
                "Some of the step tasks have been OOM Killed."
            )

    def _took(self, part: Part, one: Frame) -> None:
        part.unread = max(0, part.unread - int(one.object()["bytes"]))

    def _finished(self, part: Part, one: Frame) -> None:
        """It is lost in a moment, by its exit: a job that ended before would be taken for its end."""
        part.finished = True
        self._alarms.setdefault("leave", time.monotonic() + LEAVE_S)

    def _signalled_there(self, part: Part, one: Frame) -> None:
        """Perhaps somebody ends the job or the step: when tasks die of it, it is said."""
        self._ended_by.add(part.node)

    def _tell_cancelled(self, part: Part) -> None:
        self._ended_by.clear()
        self.say("Job step aborted: Waiting up to 32 seconds for job step to finish.")
        date = time.strftime("%Y-%m-%dT%H:%M:%S")
        late = self._manners.ends_at is not None and time.time() >= self._manners.ends_at
        why = " DUE TO TIME LIMIT" if late else ""
        self._print_of_stepd(f"error: *** STEP {self._step} ON {part.node} CANCELLED AT {date}{why} ***")

    def _print_of_stepd(self, text: str) -> None:
        with contextlib.suppress(OSError):
            os.write(2, f"slurmstepd: {text}\n".encode())

    def _tell_ends(self) -> None:
        untold, self._untold = self._untold, {}
        for sentence in sentences(untold, self._parts.node_of):
            self._print(f"error: {sentence}")

    # ---- input

    def _feed(self, source: Source) -> None:
        data = source.read()
        if data is None:
            return
        self._parts.give(source.rank, data)
        if not data:
            self._sources.remove(source)

    # ---- signals

    def _signalled(self) -> None:
        for number in self._signals.read():
            if number == signal.SIGINT:
                self._interrupt()
            elif number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
                self.say("forcing job termination")
                self.terminate()
            elif number == signal.SIGWINCH:
                if self._manners.terminal:
                    self._parts.resize(*size())
            else:
                self._parts.signal(number)

    def _interrupt(self) -> None:
        """Once: how it stands. Twice within a second: the tasks are interrupted. Again: they are ended."""
        now = time.monotonic()
        if not self._manners.quit_on_interrupt and now - self._interrupted_at > 1:
            if self._manners.disable_status:
                self.say(f"sending Ctrl-C to StepId={self._step}")
                self._parts.signal(signal.SIGINT)
            else:
                self.say("interrupt (one more within 1 sec to abort)")
                self._show_states()
            self._interrupted_at = now
            return
        if now - self._sent_at < 1:
            self.say("forcing job termination")
            self.terminate()
            return
        self._sent_at = now
        self.say(f"sending Ctrl-C to StepId={self._step}")
        self._parts.signal(signal.SIGINT)
        self._alarms["terminate"] = now + INTERRUPT_S
        self._abort()

    def _show_states(self) -> None:
        for line in self._parts.states():
            self.say(f"StepId={self._step} {line}")

    def terminate(self) -> None:
        """CONT and TERM, and KILL when that does not do."""
        self._parts.signal(signal.SIGTERM, KILL_WAIT_S)
        self._abort()

    def _abort(self) -> None:
        if not self._aborted:
            self._aborted = True
            self.say("Job step aborted: Waiting up to 32 seconds for job step to finish.")
            self._alarms["patience"] = time.monotonic() + PATIENCE_S


def _forwarded() -> list[int]:
    """Those that srun looks at itself; what it was started with as ignored stays so."""
    left_alone = (signal.SIGTSTP, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF)
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    return [
        number
        for number in PASSED_ON
        if number not in left_alone and signal.getsignal(number) is not signal.SIG_IGN
    ]

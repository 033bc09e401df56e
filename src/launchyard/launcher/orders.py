"""What the daemon asks for, message by message. Nothing is forked or told here: it follows the next sync."""

import os
import signal
from collections.abc import Callable

from launchyard.launcher import messages
from launchyard.launcher.attendants import Attendants, Refusal
from launchyard.launcher.endings import Endings
from launchyard.launcher.limits import Limits
from launchyard.launcher.messages import Message
from launchyard.launcher.pauses import Pauses
from launchyard.launcher.processes import written_and_read
from launchyard.launcher.runners import Runners
from launchyard.launcher.state import State, log
from launchyard.launcher.table import Launch, never_ordered, order_of, wrong_in

_ROOM_A_LAUNCH = 2048
"""Journal room kept for each live launch: its start, exit, marks and end."""
_ID_MAX = 64
_PIDS_MAX = 64
"""So many processes of a launch are asked what they read and wrote."""
_MIB = 1 << 20
_UID_MAX = 1 << 32


class NoRoom(Exception):
    """The journal cannot take another launch; the daemon is to come back later."""


class Orders:
    """`pending` are launches whose intent is journaled and which are to be forked after the sync."""

    def __init__(
        self,
        state: State,
        endings: Endings,
        limits: Limits,
        refusal: Refusal,
        attendants: Attendants,
        runners: Runners,
    ) -> None:
        self._state = state
        self._attendants = attendants
        self._runners = runners
        pauses = Pauses(state, endings, limits)
        self._endings = endings
        self._refusal = refusal
        self.pending: dict[str, Message] = {}
        self._handlers: dict[str, Callable[[Message], None]] = {
            "hello": self._hello,
            "launch": self._launch,
            "kill": self._kill,
            "signal": self._signal,
            "suspend": pauses.suspend,
            "resume": pauses.resume,
            "limit": pauses.limit,
            "ack": self._acknowledge,
            "helper": attendants.start_helper,
            "step": attendants.start_step,
            "runner": runners.start,
            "signal_runner": runners.signal,
            "forget_runners": runners.forget,
            "remove_logs": self._remove_logs,
            "usage": self._usage,
            "rest": self._rest,
        }

    def take(self, message: Message) -> None:
        """Carry out one; raises NoRoom, or KeyError, TypeError, ValueError where it makes no sense."""
        handler = self._handlers.get(message["t"])
        if handler is None:
            log(f"the daemon said '{message['t']}', which is not known here")
        else:
            handler(message)

    def refuse(self, launch: Launch, sentence: str) -> None:
        """It is over before it began."""
        launch.marks["error"] = sentence
        self._endings.main_ended(launch, 0, {})

    def _hello(self, message: Message) -> None:
        state, table = self._state, self._state.table
        for _, fd in state.outbox:
            if fd is not None:
                os.close(fd)
        state.outbox.clear()
        state.tell(
            messages.welcome(
                epoch=table.epoch,
                boot_id=table.boot_id,
                known=list(table.launches),
                seq=table.seq,
                features=state.features(),
                runners=self._runners.known(),
            )
        )
        self._runners.tell_again()
        again: list[tuple[int, Launch]] = []
        for launch in table.launches.values():
            again += [(seq, launch) for seq in (launch.seq_start, launch.seq_end) if seq > table.acked]
        for seq, launch in sorted(again, key=lambda pair: pair[0]):
            if seq == launch.seq_end:
                self._endings.tell(launch)
            elif launch.pid:
                state.tell(messages.started(seq, launch.l, pid=launch.pid, at=launch.at))
        for launch in table.live.values():
            if launch.told_main_ended:
                state.tell(messages.main_ended(launch.l))

    def _rest(self, message: Message) -> None:
        if not self._state.settings.service and not self._state.table.live and not self.pending:
            log("the daemon has stopped and no job is left")
            # Where the keeper is gone our parent is the machine's first process, or somebody else.
            if os.getppid() == self._state.keeper_pid:
                self._state.resting = True
                os.kill(self._state.keeper_pid, signal.SIGTERM)

    def _launch(self, message: Message) -> None:
        l, table = message["l"], self._state.table
        known = table.launches.get(l)
        if known is not None:
            self._say_again(known)
            return
        launch = _new_launch(message)
        room = 2 * len(messages.encode({"t": "", **launch.order})) + _ROOM_A_LAUNCH * (len(table.live) + 1)
        if not self._state.journal.reserve(room):
            raise NoRoom("no space is left for the journal: no launch is accepted")
        table.add(launch)
        self._state.remember({"k": "intent", "l": l, **launch.order})
        refused = self._refusal(launch.uid)
        if l in table.spent:
            self.refuse(launch, f"launch {l} was carried out before and is not run again")
        elif refused is not None:
            self.refuse(launch, refused)
        elif wrong := wrong_in(message):
            self.refuse(launch, f"the launcher can make nothing of its {', '.join(wrong)}; tell the operator")
        else:
            self.pending[l] = message

    def _say_again(self, launch: Launch) -> None:
        if launch.facts is not None:
            self._endings.tell(launch)
        elif launch.seq_start:
            self._state.tell(messages.started(launch.seq_start, launch.l, pid=launch.pid, at=launch.at))

    def _kill(self, message: Message) -> None:
        l, table = message["l"], self._state.table
        number, grace_s = int(message["signal"]), float(message["grace_s"])
        launch = table.launches.get(l)
        if launch is None:
            if l not in table.spent:
                # Remembered as ended, so that the launch, should it still come, is not carried out.
                launch = never_ordered(l)
                table.add(launch)
                self.refuse(launch, "cancelled before it started")
        elif self.pending.pop(l, None) is not None:
            self.refuse(launch, "cancelled before it started")
        elif launch.facts is None:
            self._endings.stop(launch, number, grace_s)

    def _signal(self, message: Message) -> None:
        launch = self._state.table.live.get(message["l"])
        if launch is not None and launch.pid:
            number = int(message["signal"])
            if message.get("steps_only"):
                self._endings.signal_runners(launch, number)
            else:
                self._endings.signal(launch, number, main_only=bool(message.get("main_only")))

    def _acknowledge(self, message: Message) -> None:
        if self._state.table.acknowledge(int(message["seq"])):
            self._state.remember({"k": "ack", "q": self._state.table.acked})

    def _remove_logs(self, message: Message) -> None:
        uid, names = message["uid"], message["names"]
        wrong = [name for name in names if not _safe_name(name) or not name.endswith(".log")]
        if not isinstance(uid, int) or wrong:
            raise ValueError(f"uid {uid!r}, logs {wrong!r}")
        self._attendants.remove_logs(str(message["id"]), uid, names)

    def _usage(self, message: Message) -> None:
        live, named = self._state.table.live, message.get("ls")
        if named is None:
            launches = {l: self._figures(launch) for l, launch in live.items() if _runs(launch)}
            launches |= self._runners.usage()
        else:
            found = [live[l] for l in named if l in live]
            launches = {one.l: self._figures(one, moved=True) for one in found if _runs(one)}
        self._state.tell(messages.usage_now(message["id"], launches))

    def _figures(self, launch: Launch, *, moved: bool = False) -> dict[str, float]:
        """What it uses now; `moved`: also what its processes read and wrote, which is a look at each."""
        fence, pids = self._state.fence, self._state.fence.pids(launch.l)
        figures = {"cpu_s": fence.live_cpu_s(launch.l), "memory_mib": fence.resident_mib(launch.l)}
        figures |= {"memory_peak_mib": launch.peak_mib, "processes": len(pids)}
        if moved and (bytes_moved := [one for pid in pids[:_PIDS_MAX] if (one := written_and_read(pid))]):
            figures["read_mib"] = sum(read for read, _ in bytes_moved) / _MIB
            figures["written_mib"] = sum(written for _, written in bytes_moved) / _MIB
        return {name: value for name, value in figures.items() if value is not None}


def _runs(launch: Launch) -> bool:
    return bool(launch.pid) and launch.status is None


def _new_launch(message: Message) -> Launch:
    """Check what it is known by; raises ValueError, KeyError or TypeError."""
    l, uid, job, name = message["l"], message["uid"], message["job"], message["spool_log"]
    if not isinstance(l, str) or not _safe_name(l) or len(l) > _ID_MAX:
        raise ValueError(f"launch id {l!r}")
    if not isinstance(uid, int) or not isinstance(job, int) or not 0 <= uid < _UID_MAX:
        raise ValueError(f"uid {uid!r}, job {job!r}")
    if not isinstance(name, str) or not _safe_name(name):
        raise ValueError(f"spool log {name!r}")
    return Launch(l, order_of(message))


def _safe_name(name: str) -> bool:
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    return plain.isalnum() and plain.isascii() and not name.startswith(".") and len(name) < 200

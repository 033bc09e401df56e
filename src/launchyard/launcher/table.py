"""The launches that the launcher knows, and how they stand in the journal.

Kinds of record (`k`): `head` (epoch, boot id, next sequence number), `intent` (the order, before the fork),
`start`, `mark` (something happened that must outlive us: a limit passed, a kill asked), `exit` (wait status
of the main process), `end` (what the daemon is told), `runner`, `runner-end` and `runner-forgotten` (the same
of a process that runs a step inside the launch), `ack`, `spent` (ids that are over and acknowledged:
never started again). A launch cancelled before it was known has an `end` alone.
"""

import os
from collections.abc import Callable, Iterable, Iterator

from launchyard.launcher.journal import Record
from launchyard.launcher.messages import Message

SPENT_MAX = 2048

_LARGE = 1 << 62
_CPUS_MAX = 1 << 16


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and -_LARGE < value < _LARGE


def _is_count(value: object) -> bool:
    return isinstance(value, int) and -_LARGE < value < _LARGE


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_cpus(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, int) and 0 <= one < _CPUS_MAX for one in value)


def _is_script(value: object) -> bool:
    """The text, or in the journal that there was one."""
    return value is True or isinstance(value, str)


_ORDER_KEYS: dict[str, Callable[[object], bool]] = {
    "job": _is_count,
    "uid": _is_count,
    "spool_log": _is_text,
    "cpu_ids": _are_cpus,
    "memory_mib": _is_count,
    "time_limit_s": _is_number,
    "warning_signal": _is_count,
    "warning_before_s": _is_number,
    "warning_target": _is_text,
    "grace_s": _is_number,
    "log_cap_bytes": _is_count,
    "script": _is_script,
}
"""What is kept of an order, and what each must be for those who work with it, at any time from then on."""


class Runner:
    """A process that runs a step; `facts` is what `runner_ended` says, once it ended.

    `oom_kills`: how many its launch had seen when it started. `gone_at`: seen to be gone, and not known how.
    `went_before`: it was at its end already when its launch came to its own.
    """

    __slots__ = (
        "facts",
        "foreign",
        "gone_at",
        "id",
        "kill_at",
        "l",
        "oom_kills",
        "pid",
        "pidfd",
        "said",
        "setup",
        "start",
        "went_before",
    )

    def __init__(self, id: str, l: str, pid: int, start: int) -> None:
        self.id = id
        self.l = l
        self.pid = pid
        self.start = start
        self.oom_kills = 0
        self.facts: Record | None = None
        self.foreign = False
        self.gone_at: float | None = None
        self.kill_at: float | None = None
        self.pidfd: int | None = None
        self.said: str | None = None
        self.setup: int | None = None
        self.went_before = False

    def start_record(self) -> Record:
        record = {"k": "runner", "l": self.l, "i": self.id, "p": self.pid}
        return record | {"s": self.start, "o": self.oom_kills}

    def end_record(self) -> Record:
        return {"k": "runner-end", "l": self.l, "i": self.id, **(self.facts or {})}


class Launch:
    """One launch from its intent to the acknowledgement of its end. Times: boot clock; `at`: since 1970.

    `start` is the main process's start time in ticks. `status` is its wait status once it ended; `facts` is
    what `ended` says, once it does. `foreign`: not our child (found running at a restart of the launcher).
    `again`: the order, while the child that was started the quick way may still say that it could not go on.
    """

    __slots__ = (
        "again",
        "at",
        "began",
        "cwd",
        "facts",
        "foreign",
        "kill_at",
        "l",
        "main_ended_at",
        "marks",
        "order",
        "over_limit",
        "peak_mib",
        "pid",
        "pidfd",
        "rechecks",
        "runners",
        "seq_end",
        "seq_start",
        "setup",
        "start",
        "status",
        "told_main_ended",
        "usage",
    )

    def __init__(self, l: str, order: Record) -> None:
        self.l = l
        self.order = order
        self.again: Message | None = None
        self.pid = 0
        self.start = 0
        self.at = 0.0
        self.began = 0.0
        self.seq_start = 0
        self.seq_end = 0
        self.marks: Record = {}
        self.status: int | None = None
        self.facts: Record | None = None
        self.usage: Record = {}
        self.peak_mib: float | None = None
        self.over_limit = 0
        self.setup: int | None = None
        self.cwd = ""
        self.pidfd: int | None = None
        self.foreign = False
        self.kill_at: float | None = None
        self.rechecks = 0
        self.runners: dict[str, Runner] = {}
        self.main_ended_at: float | None = None
        self.told_main_ended = False

    @property
    def uid(self) -> int:
        return int(self.order["uid"])

    @property
    def cpu_ids(self) -> list[int]:
        return list(self.order.get("cpu_ids") or ())

    @property
    def memory_mib(self) -> int | None:
        limit: int | None = self.order.get("memory_mib")
        return limit

    @property
    def time_limit_s(self) -> float | None:
        """As ordered, or as it was changed since."""
        limit: float | None = self.marks.get("limit_s", self.order.get("time_limit_s"))
        return limit

    @property
    def suspended(self) -> bool:
        return self.marks.get("suspended_at") is not None

    @property
    def time_is_up_at(self) -> float | None:
        """When, on the boot clock; None without a limit, and while it is suspended."""
        if self.time_limit_s is None or self.suspended:
            return None
        stood_s: float = self.marks.get("suspended_s", 0.0)
        return self.began + self.time_limit_s + stood_s

    @property
    def script_name(self) -> str:
        return f"{self.order['job']}.{self.l}.sh"

    def records(self) -> Iterator[Record]:
        """What a rewritten journal says of it."""
        if self.facts is not None:
            yield {"k": "end", "l": self.l, "q": self.seq_end, **self.facts}
            yield from self._runner_records()
            return
        yield {"k": "intent", "l": self.l, **self.order}
        if self.pid:
            yield self.start_record()
        if self.marks:
            yield {"k": "mark", "l": self.l, **self.marks}
        if self.status is not None:
            yield {"k": "exit", "l": self.l, "w": self.status, **self.usage}
        yield from self._runner_records()

    def _runner_records(self) -> Iterator[Record]:
        for runner in self.runners.values():
            yield runner.start_record() if runner.facts is None else runner.end_record()

    def start_record(self) -> Record:
        record = {"k": "start", "l": self.l, "q": self.seq_start, "p": self.pid, "s": self.start}
        return record | {"at": self.at, "b": self.began}


def order_of(message: Message) -> Record:
    """What the journal keeps of a launch message: enough to enforce it after a restart, no environment."""
    order = _sane(message)
    if "script" in order:
        order["script"] = True
    if message.get("stdout") is not None or message.get("terminal") is not None:
        # Nothing is written to the spool, so there is nothing to cap.
        order.pop("log_cap_bytes", None)
    return order


def _sane(message: Message) -> Record:
    return {key: message[key] for key, fits in _ORDER_KEYS.items() if fits(message.get(key))}


def wrong_in(message: Message) -> list[str]:
    """Names of what is in an order and is not what it must be: nothing is started with that."""
    wrong = [
        key for key, fits in _ORDER_KEYS.items() if message.get(key) is not None and not fits(message[key])
    ]
    argv, env = message.get("argv"), message.get("env")
    if not isinstance(argv, list) or not all(map(_is_text, argv)):
        wrong.append("argv")
    if not isinstance(env, dict) or not all(map(_is_text, env.values())):
        wrong.append("env")
    return wrong if _is_text(message.get("cwd")) else [*wrong, "cwd"]


def never_ordered(l: str) -> Launch:
    """What stands for a launch of which only the end is known, or which was cancelled before it came."""
    return Launch(l, {"uid": -1, "job": 0})


class Table:
    """All launches by id, spent ids, and the numbering of records."""

    def __init__(self, boot_id: str) -> None:
        self.epoch = os.urandom(8).hex()
        self.boot_id = boot_id
        self.rebooted = False
        self.seq = 0
        self.acked = 0
        self.launches: dict[str, Launch] = {}
        self.live: dict[str, Launch] = {}
        """Those without an end."""
        self.spent: dict[str, None] = {}

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def add(self, launch: Launch) -> None:
        self.launches[launch.l] = launch
        self.live[launch.l] = launch

    def end(self, launch: Launch, facts: Record) -> Record:
        """Number an end; gives the record to journal."""
        launch.facts = facts
        launch.seq_end = self.next_seq()
        self.live.pop(launch.l, None)
        self.launches[launch.l] = launch
        return {"k": "end", "l": launch.l, "q": launch.seq_end, **facts}

    def acknowledge(self, seq: int) -> bool:
        """Forget what the daemon has made durable; False: nothing new in it."""
        if seq <= self.acked:
            return False
        self.acked = min(seq, self.seq)
        for launch in [each for each in self.launches.values() if each.facts is not None]:
            if launch.seq_end <= self.acked:
                del self.launches[launch.l]
                self.spent[launch.l] = None
        while len(self.spent) > SPENT_MAX:
            del self.spent[next(iter(self.spent))]
        return True

    def records(self) -> list[Record]:
        """The shortest journal that says the same."""
        head = {
            "k": "head",
            "v": 1,
            "epoch": self.epoch,
            "boot": self.boot_id,
            "q": self.seq,
            "a": self.acked,
        }
        records: list[Record] = [head, {"k": "spent", "ls": list(self.spent)}]
        for launch in self.launches.values():
            records += launch.records()
        return records

    def replay(self, records: Iterable[Record]) -> int:
        """Take in a journal as it was found; gives how many records of it cannot be understood."""
        strange = 0
        for record in records:
            try:
                _TAKE[record["k"]](self, record)
            except (LookupError, TypeError, ValueError, AttributeError):
                # Of a newer launcher, or of none: whoever could not go on here would never start again.
                strange += 1
        for launch in self.launches.values():
            self.seq = max(self.seq, launch.seq_start, launch.seq_end)
        return strange

    # ---- one record each

    def _head(self, record: Record) -> None:
        self.rebooted = record["boot"] != self.boot_id
        if not self.rebooted:
            self.epoch = record["epoch"]
        self.seq, self.acked = record["q"], record["a"]

    def _spent(self, record: Record) -> None:
        self.spent.update(dict.fromkeys(record["ls"]))

    def _intent(self, record: Record) -> None:
        self.add(Launch(record["l"], {"uid": -1, "job": 0} | _sane(record)))

    def _start(self, record: Record) -> None:
        launch = self.launches[record["l"]]
        launch.seq_start, launch.pid, launch.start = record["q"], record["p"], record["s"]
        launch.at, launch.began = record["at"], record["b"]

    def _mark(self, record: Record) -> None:
        self.launches[record["l"]].marks.update(
            {key: value for key, value in record.items() if key not in ("k", "l")}
        )

    def _exit(self, record: Record) -> None:
        launch = self.launches[record["l"]]
        launch.status = record["w"]
        launch.usage = {key: value for key, value in record.items() if key not in ("k", "l", "w")}

    def _end(self, record: Record) -> None:
        launch = self.launches.get(record["l"]) or never_ordered(record["l"])
        launch.facts = {key: value for key, value in record.items() if key not in ("k", "l", "q")}
        launch.seq_end = record["q"]
        self.live.pop(launch.l, None)
        self.launches[launch.l] = launch

    def _runner(self, record: Record) -> None:
        runner = Runner(record["i"], record["l"], record["p"], record["s"])
        runner.oom_kills = record.get("o", 0)
        self._put_runner(runner)

    def _runner_end(self, record: Record) -> None:
        runner = Runner(record["i"], record["l"], 0, 0)
        runner.facts = {key: value for key, value in record.items() if key not in ("k", "l", "i")}
        self._put_runner(runner)

    def _put_runner(self, runner: Runner) -> None:
        if runner.l in self.launches:
            self.launches[runner.l].runners[runner.id] = runner

    def _runner_forgotten(self, record: Record) -> None:
        if record["l"] in self.launches:
            self.launches[record["l"]].runners.pop(record["i"], None)

    def _ack(self, record: Record) -> None:
        for launch in self.launches.values():
            self.seq = max(self.seq, launch.seq_start, launch.seq_end)
        self.seq = max(self.seq, record["q"])
        self.acknowledge(record["q"])


_TAKE = {
    "head": Table._head,
    "spent": Table._spent,
    "intent": Table._intent,
    "start": Table._start,
    "mark": Table._mark,
    "exit": Table._exit,
    "end": Table._end,
    "runner": Table._runner,
    "runner-end": Table._runner_end,
    "runner-forgotten": Table._runner_forgotten,
    "ack": Table._ack,
}

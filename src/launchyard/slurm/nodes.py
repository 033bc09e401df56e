"""Slurm's words for the states of nodes, from what our server knows of them; and node lists in its shapes."""

from collections.abc import Iterable, Mapping, Sequence

from launchyard.model.hostlist import compress, expand
from launchyard.model.light import Any, NamedTuple
from launchyard.slurm.indexes import ranges

Row = Mapping[str, Any]
"""Columns of the server's nodes table by name."""

STATE = "state cpus cpus_used_milli jobs completing reservation maintenance"
"""The columns that a state is made of."""

_BASES = {"DOWN": 1, "IDLE": 2, "ALLOCATED": 3, "MIXED": 5}
_BITS = {"RESERVED": 1 << 5, "DRAIN": 1 << 9, "COMPLETING": 1 << 10, "MAINTENANCE": 1 << 15}
_COMPACT = {
    **{"ALLOCATED": "alloc", "COMPLETING": "comp", "DOWN": "down", "DRAINED": "drain", "DRAINING": "drng"},
    **{"IDLE": "idle", "MAINT": "maint", "MIXED": "mix", "RESERVED": "resv"},
}


class State(NamedTuple):
    """`base` is what the node does, `flags` what else holds of it."""

    base: str
    flags: tuple[str, ...] = ()

    @property
    def full(self) -> str:
        """`MIXED+DRAIN`."""
        return "+".join((self.base, *self.flags))

    @property
    def long(self) -> str:
        """One word in small letters, with a `$` for maintenance and a `+` where jobs are ending."""
        word, mark = _word(self)
        return word.lower() + mark

    @property
    def compact(self) -> str:
        word, mark = _word(self)
        return _COMPACT[word] + mark

    @property
    def rank(self) -> int:
        """Slurm sorts by this number."""
        return _BASES[self.base] + sum(_BITS[flag] for flag in self.flags)


def _word(state: State) -> tuple[str, str]:
    base, flags = state
    at_work = base in ("ALLOCATED", "MIXED")
    kept = "$" if "MAINTENANCE" in flags else ""
    if "DRAIN" in flags and base != "DOWN":
        return ("DRAINING" if at_work or "COMPLETING" in flags else "DRAINED"), kept
    if kept and base == "IDLE" and "COMPLETING" not in flags:
        return "MAINT", ""
    if base == "ALLOCATED" and "COMPLETING" in flags:
        return base, kept or "+"
    if base == "IDLE" and "COMPLETING" in flags:
        return "COMPLETING", kept
    if base == "IDLE" and "RESERVED" in flags:
        return "RESERVED", ""
    return base, kept


def state_of(row: Row) -> State:
    """What Slurm would say of the node."""
    flags = []
    if row["completing"]:
        flags.append("COMPLETING")
    if row["state"] == "DRAIN":
        flags.append("DRAIN")
    if row["maintenance"]:
        flags.append("MAINTENANCE")
    if row["reservation"]:
        flags.append("RESERVED")
    if row["state"] == "DOWN":
        base = "DOWN"
    elif row["jobs"] <= row["completing"]:
        base = "IDLE"
    else:
        base = "ALLOCATED" if row["cpus_used_milli"] >= 1000 * row["cpus"] else "MIXED"
    return State(base, tuple(flags))


class Counts(NamedTuple):
    """Allocated, idle, other (nobody may have them now), all."""

    allocated: int
    idle: int
    other: int

    @property
    def text(self) -> str:
        return f"{self.allocated}/{self.idle}/{self.other}/{sum(self)}"


def counts_of_nodes(states: Iterable[State]) -> Counts:
    allocated = idle = other = 0
    for state in states:
        if state.base in ("ALLOCATED", "MIXED") or "COMPLETING" in state.flags:
            allocated += 1
        elif state.base == "DOWN" or "DRAIN" in state.flags:
            other += 1
        else:
            idle += 1
    return Counts(allocated, idle, other)


def cpus_used(row: Row) -> int:
    """Any part of a CPU counts as one."""
    cpus: int = min(row["cpus"], -(-row["cpus_used_milli"] // 1000))
    return cpus


def counts_of_cpus(rows: Iterable[Row]) -> Counts:
    allocated = idle = other = 0
    for row in rows:
        used = cpus_used(row)
        allocated += used
        if row["state"] == "UP":
            idle += row["cpus"] - used
        else:
            other += row["cpus"] - used
    return Counts(allocated, idle, other)


# -- states that may be asked for

_ALIASES = {
    **{
        "ALLOC": "ALLOCATED",
        "COMP": "COMPLETING",
        "DRNG": "DRAINING",
        "MAINTENANCE": "MAINT",
        "MIX": "MIXED",
    },
    **{"RESV": "RESERVED", "FUTR": "FUTURE", "UNK": "UNKNOWN", "NPC": "PERFCTRS", "PLND": "PLANNED"},
    **{"BLOCK": "BLOCKED", "POW_DN": "POWERING_DOWN", "POW_UP": "POWERING_UP", "FAILG": "FAILING"},
    **{"NO_RESP": "NO_RESPOND", "INVAL": "INVALID"},
}
_NEVER = (
    *("UNKNOWN", "FUTURE", "FAIL", "FAILING", "ERROR", "NO_RESPOND", "PERFCTRS", "CLOUD", "POWERING_DOWN"),
    *("POWERED_DOWN", "POWER_DOWN", "POWER_UP", "POWERING_UP", "REBOOT", "REBOOT_ISSUED", "REBOOT_REQUESTED"),
    *("PLANNED", "BLOCKED", "INVALID", "INVALID_REG"),
)
"""Known words for what no node of ours ever is."""
ASKED = (
    "ALLOCATED",
    "COMPLETING",
    "DOWN",
    "DRAIN",
    "DRAINED",
    "DRAINING",
    "IDLE",
    "MAINT",
    "MIXED",
    "RESERVED",
)


class UnknownState(ValueError):
    """`args[0]` is the word."""


Wanted = Sequence[tuple[str, ...]]
"""Any of these, each all of its words together; empty: all nodes."""


def wanted(text: str) -> Wanted:
    """`idle,alloc` or `idle&drain`, in any case. Raises `UnknownState`."""
    found = [tuple(_asked(word) for word in part.split("&")) for part in text.split(",") if part.strip()]
    return [] if ("ALL",) in found else found


def _asked(text: str) -> str:
    word = text.strip().rstrip("*$+~#!%@^-").upper()
    word = _ALIASES.get(word, word)
    if word not in ASKED and word not in _NEVER and word != "ALL":
        raise UnknownState(text.strip())
    return word


def is_wanted(state: State, asked: Wanted) -> bool:
    return not asked or any(all(_is(state, word) for word in words) for words in asked)


def _is(state: State, word: str) -> bool:
    base, flags = state
    at_work = base in ("ALLOCATED", "MIXED") or "COMPLETING" in flags
    if word == "DRAINING":
        return "DRAIN" in flags and at_work
    if word == "DRAINED":
        return "DRAIN" in flags and not at_work
    if word == "MAINT":
        return "MAINTENANCE" in flags
    if word == "ALLOCATED":
        return base in ("ALLOCATED", "MIXED")
    return word == base or word in flags


# -- lists of names


def folded(names: Iterable[str]) -> str:
    """`n[1-3]`; nothing is an empty text."""
    found = list(names)
    return compress(found) if found else ""


def unfolded(text: str) -> list[str]:
    """Raises `Invalid`."""
    return expand(text)


def natural(name: str) -> tuple[str, int, str]:
    """By name, then by the number at its end: n2 before n10."""
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    return stem, int(digits) if digits else -1, name


def gres(row: Row, count: float | None = None) -> str:
    """`gpu:fake:2`, or as many as `count`; none is an empty text."""
    if not row["gpus"]:
        return ""
    kind = f"{row['gpu_type']}:" if row["gpu_type"] else ""
    number = row["gpus"] if count is None else count
    return f"gpu:{kind}{number:g}"


def gres_used(row: Row) -> str:
    """`gpu:fake:1(IDX:0)`, as many as are in use and which."""
    used = ranges(row["gpu_ids_used"]) or "N/A"
    return f"{gres(row, row['gpus_used'])}(IDX:{used})" if row["gpus"] else "(null)"

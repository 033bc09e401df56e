"""How each field of a job is made of the columns that the server tells: one list of texts a field."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from launchyard.model.light import Any
from launchyard.slurm import reasons, states
from launchyard.slurm.facts import Facts, array_text, each
from launchyard.slurm.formats import printable
from launchyard.slurm.times import clock, limit

Texts = Sequence[str]
Make = Callable[[Facts], Texts]

NONE = "(null)"
PRIORITY_SCALE = 4294967295
"""Priorities in a column are of this."""
SIGNALS = {
    **{1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 10: "USR1"},
    **{11: "SEGV", 12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM", 24: "XCPU", 25: "XFSZ", 31: "SYS"},
}
WITH_REASON = frozenset({"PENDING", "TIMEOUT", "OUT_OF_MEMORY", "DEADLINE", "FAILED"})
"""States whose reason stands where the nodes of others are."""


def text(column: str, none: str = NONE) -> Make:
    """As it is, without what a terminal would act on."""
    return lambda facts: [none if one is None or one == "" else printable(one) for one in facts[column]]


def whole(column: str, none: str = "0") -> Make:
    return lambda facts: [none if one is None else str(one) for one in facts[column]]


def flag(column: str) -> Make:
    return lambda facts: ["1" if one else "0" for one in facts[column]]


def when(column: str) -> Make:
    return lambda facts: list(map(facts.around.stamp, facts[column]))


def kept(name: str, none: str = NONE) -> Make:
    """Something of the submission that is only shown."""
    return lambda facts: [printable(one) or none for one in facts.kept(name)]


def always(value: str) -> Make:
    return lambda facts: [value] * facts.count


def words(column: str) -> Make:
    """A list, as text with commas."""
    return lambda facts: [printable(",".join(one or ())) for one in facts[column]]


# -- who it is


def shown_id(facts: Facts) -> Texts:
    """`12`, `6_[3-6%2]` for the tasks that wait, `6_2`."""
    longest, parts = facts.around.array_text_max, facts["part_of"]
    return [
        f"{part[0]}+{part[1]}"
        if part is not None
        else str(id)
        if array is None and pending is None
        else f"{array}_{index}"
        if array is not None
        else f"{id}_[{array_text(pending or '', throttle, longest)}]"
        for (id, pending, throttle, array, index), part in zip(_ids(facts), parts, strict=True)
    ]


def array_id(facts: Facts) -> Texts:
    return [str(id if array is None else array) for id, _, _, array, _ in _ids(facts)]


def array_index(facts: Facts) -> Texts:
    longest = facts.around.array_text_max
    return [
        str(index) if array is not None else "N/A" if not pending else array_text(pending, throttle, longest)
        for _, pending, throttle, array, index in _ids(facts)
    ]


IDS = "id array_pending array_throttle task_array task_index part_of"


def _ids(facts: Facts) -> Iterable[tuple[int, str | None, int | None, int | None, int | None]]:
    return zip(*(facts[name] for name in IDS.split()[:5]), strict=True)


def of_parts(write: Callable[[int, int, int], str]) -> Make:
    """Of parts of a job: made of the job's id, which part it is, and how many there are; of others `N/A`."""
    return lambda facts: ["N/A" if one is None else write(*one) for one in facts["part_of"]]


def group_id(facts: Facts) -> Texts:
    return [str(facts.around.group(uid)[0]) for uid in facts["uid"]]


def group_name(facts: Facts) -> Texts:
    return [facts.around.group(uid)[1] for uid in facts["uid"]]


# -- how it is


def state_long(facts: Facts) -> Texts:
    return [states.LONG[one] for one in facts["state"]]


def state_compact(facts: Facts) -> Texts:
    return [states.COMPACT[one] for one in facts["state"]]


WHY = "state reason_code reason_scope exit_code signal restarts"


def reason(facts: Facts) -> Texts:
    return each(_reason, zip(*(facts[name] for name in WHY.split()), strict=True))


def _reason(key: tuple[Any, ...]) -> str:
    *ended, restarts = key
    return reasons.requeued(reasons.word(*ended), restarts)


def nodes_or_reason(facts: Facts) -> Texts:
    """Where it runs, or why it does not."""
    return [
        f"({why})" if state in WITH_REASON else nodes
        for state, why, nodes in zip(facts["state"], reason(facts), facts["nodelist"], strict=True)
    ]


def dependency(facts: Facts) -> Texts:
    """What it waits for, each with how that stands; what does not wait has nothing left of it."""
    known = zip(facts["dependency"], facts["reason_scope"], facts["state"], strict=True)
    return [
        _standing(text, "failed" if never == "never" else "unfulfilled")
        if text and state == "PENDING"
        else NONE
        for text, never, state in known
    ]


def _standing(text: str, how: str) -> str:
    """`afterok:1:2,singleton` as `afterok:1(unfulfilled),afterok:2(unfulfilled),singleton(unfulfilled)`."""
    either = "?" in text
    parts: list[str] = []
    for clause in text.replace("?", ",").split(","):
        kind, *ids = printable(clause).split(":")
        parts += [f"{kind}:{one}({how})" for one in ids] or [f"{kind}({how})"]
    return ("?" if either else ",").join(parts)


def batch_host(facts: Facts) -> Texts:
    return [nodes[0] if nodes else "n/a" for nodes in facts["nodes"]]


def exit_status(facts: Facts) -> Texts:
    """As `wait` would say it: the code times 256, or the signal."""
    pairs = zip(facts["exit_code"], facts["signal"], strict=True)
    return [str(signal or (code or 0) << 8) for code, signal in pairs]


# -- times

TIMES = "state started_at ended_at suspended_s suspended_at"


def used_seconds(facts: Facts) -> list[float]:
    """How long it has run, without the time for which it was suspended."""
    now = facts.around.now
    return [
        0
        if started is None or state in ("PENDING", "STARTING")
        else max(0, (ended or still or now) - started - (paused or 0))
        for state, started, ended, paused, still in zip(*(facts[name] for name in TIMES.split()), strict=True)
    ]


def time_used(facts: Facts) -> Texts:
    return each(clock, used_seconds(facts))


def time_limit(facts: Facts) -> Texts:
    return each(limit, facts["time_limit_s"])


def time_least(facts: Facts) -> Texts:
    return [clock(one or 0) for one in facts["time_min_s"]]


def time_left(facts: Facts) -> Texts:
    """What was over its limit has no time left that could be said."""
    return [
        "UNLIMITED" if most is None else clock(most - int(used))
        for most, used in zip(facts["time_limit_s"], used_seconds(facts), strict=True)
    ]


STARTS = "state started_at begin_at estimate_start"


def starts(facts: Facts) -> list[float | None]:
    """When it began, or is expected to."""
    now = facts.around.now
    return [
        started if state != "PENDING" else begin if begin is not None and begin > now else expected
        for state, started, begin, expected in zip(*(facts[name] for name in STARTS.split()), strict=True)
    ]


def start_time(facts: Facts) -> Texts:
    return list(map(facts.around.stamp, starts(facts)))


def end_time(facts: Facts) -> Texts:
    """When it ended, or has to."""
    stamp = facts.around.stamp
    return [
        stamp(ended)
        if ended is not None
        else "N/A"
        if start is None
        else "NONE"
        if most is None
        else stamp(start + most)
        for ended, start, most in zip(facts["ended_at"], starts(facts), facts["time_limit_s"], strict=True)
    ]


def waited(facts: Facts) -> Texts:
    now = facts.around.now
    return [
        str(int(max(0, (started or now) - submitted)))
        for started, submitted in zip(facts["started_at"], facts["submitted_at"], strict=True)
    ]


# -- what it asks for and has


def _cpus(milli: int) -> str:
    return str(-(-milli // 1000))


def cpus_a_node(facts: Facts) -> Texts:
    """The least that a node has to have for it: for one task, or for as many as it asked to have on one."""
    return each(_cpus_of, zip(cpus_a_task(facts), facts.kept("slurm.ntasks-per-node", "1"), strict=True))


def _cpus_of(pair: tuple[str, str]) -> str:
    one, tasks = pair
    return str(int(one) * int(tasks if tasks.isdigit() else 1))


def _cpus_a_task(milli: int, tasks: int) -> str:
    return str(max(1, milli // (1000 * max(1, tasks))))


def memory(facts: Facts) -> Texts:
    """Of one CPU where it asked for it so, else of one node."""
    return [
        size(asked * 1000 // max(1, milli) if is_per_cpu(kept) else mib // max(1, nodes))
        for mib, nodes, asked, milli, kept in zip(*(facts[name] for name in MEMORY.split()), strict=True)
    ]


MEMORY = "memory_mib node_count memory_asked_mib cpus_asked_milli metadata"


def is_per_cpu(kept: Mapping[str, str] | None) -> bool:
    """Whether a job has its memory for each CPU: it asked for it so, or sbatch was told nothing of memory."""
    if not kept or "slurm.mem-per-cpu" in kept:
        return bool(kept)
    return "slurm.submit-line" in kept and not ("slurm.mem" in kept or "slurm.mem-per-gpu" in kept)


def size(mib: int) -> str:
    """`100M`, `4G`: the largest unit that says it exactly."""
    for unit in "MGTP":
        if not mib or mib % 1024:
            return f"{mib}{unit}"
        mib //= 1024
    return f"{mib}E"


def by_value(names: str, write: Callable[..., str]) -> Make:
    """Of several columns together; written once for each set of values that there is."""
    columns = names.split()

    def make(facts: Facts) -> Texts:
        keys = zip(*(facts[name] for name in columns), strict=True)
        return each(lambda key: write(*key), keys)

    return make


def _tres(milli: int, mib: int, nodes: int, gpus: float) -> str:
    cpus = -(-milli // 1000)
    text = f"cpu={cpus},mem={size(mib)},node={nodes},billing={cpus}"
    return f"{text},gres/gpu={gpus:g}" if gpus else text


def _gpus_of(each: str) -> Callable[..., str]:
    """GPUs of each of what they were asked for; jobs that did not come by Slurm's commands ask for nodes."""

    def write(gpus: float, kind: str, asked: str | None, count: int = 1) -> str:
        if not gpus or each not in ("node" if asked is None else asked):
            return "N/A"
        return f"gres:gpu{':' if kind else ''}{kind}:{-(-gpus // max(1, count)):g}"

    return write


def licences(facts: Facts) -> Texts:
    return [
        ",".join(name if count == 1 else f"{name}:{count}" for name, count in one.items()) or NONE
        for one in facts["licences"]
    ]


def shared(facts: Facts) -> Texts:
    return ["NO" if one else "OK" for one in facts["exclusive"]]


def priority_part(facts: Facts) -> Texts:
    return [f"{(one or 0) / PRIORITY_SCALE:.14f}" for one in facts["priority"]]


def cron_job(facts: Facts) -> Texts:
    return ["No" if one is None else "Yes" for one in facts["cron"]]


TRES = "cpus_milli memory_mib node_count gpus"
tres = by_value(TRES, _tres)
cpus = by_value("cpus_milli", _cpus)
cpus_a_task = by_value("cpus_asked_milli task_count", _cpus_a_task)
GPUS = "gpus gpu_type gpus_asked"
GPUS_A_NODE, GPUS_A_TASK = f"{GPUS} node_count", f"{GPUS} task_count"
gres = by_value(GPUS_A_NODE, _gpus_of("node"))
gpus_a_job = by_value(GPUS, _gpus_of("job"))
gpus_a_socket = by_value(GPUS_A_NODE, _gpus_of("socket"))
gpus_a_task = by_value(GPUS_A_TASK, _gpus_of("task"))

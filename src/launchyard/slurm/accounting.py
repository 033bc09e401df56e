"""Jobs, their earlier attempts and their steps as accounting shows them: one record a line, in Slurm's order.

A record is a plain dict; what is not known is None. It begins as a row of the accounting table (by column)
and gets Slurm's words: which attempt it is, how it ended, since when it ran.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from launchyard.model.light import Any, NamedTuple
from launchyard.slurm.indexes import as_listed, read_spans, written_out
from launchyard.slurm.states import WORDS

Record = dict[str, Any]

OUT_OF_MEMORY_SIGNAL = 125
SIGTERM = 15
ARRAY_TEXT_MAX = 64
"""Of the indexes that wait; longer lists end in `...`."""
DRIVER = "driver"
"""The kind of a job that only a client's steps run in: it has no batch script."""


class Span(NamedTuple):
    """Which records count. `states` are Slurm's words; None: any. `named`: the jobs were named by id."""

    since: float
    until: float
    states: frozenset[str] | None = None
    named: bool = False


def records(
    rows: Iterable[Mapping[str, Any]],
    now: float,
    *,
    past: bool = False,
    each_task: bool = False,
    named: Collection[str] = (),
    steps: Mapping[tuple[int, int], Sequence[Mapping[str, Any]]] | None = None,
) -> list[Record]:
    """All records of these jobs, each with its steps in `record["steps"]`, by second of submission, then id.

    `past`: earlier attempts too. `each_task`: waiting tasks of an array one by one; so are those whose
    ids are in `named` where the array itself is not. `steps` are by job and attempt.
    """
    found: list[Record] = []
    for row in filter(None, map(_rest, _in_order(rows))):
        for one in _tasks(row, () if each_task else named) if each_task or named else (row,):
            runs = _past(one) if past else []
            for record in [*runs, _current(one, now)]:
                record["steps"] = _steps(
                    record, (steps or {}).get((record["raw"], record["attempt"]), ()), now
                )
                _take_apart(record["steps"])
                record["derived"] = _worst([step for step in record["steps"] if step["suffix"] != ".batch"])
                found.append(record)
    # What was put back into the queue was submitted anew.
    found.sort(key=lambda record: int(record["submitted_at"]))
    return found


def _in_order(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """By id; the tasks of an array stand together by index, where the first of them stands."""
    arrays: dict[int, list[Mapping[str, Any]]] = {}
    single: list[tuple[int, list[Mapping[str, Any]]]] = []
    for row in rows:
        array = row["id"] if row["array_size"] is not None else row["task_array"]
        if array is None:
            single.append((row["id"], [row]))
        else:
            arrays.setdefault(array, []).append(row)
    for members in arrays.values():
        members.sort(key=lambda row: (row["task_index"] is None, row["task_index"] or 0))
        single.append((members[0]["id"], members))
    single.sort(key=lambda group: group[0])
    return [row for _, group in single for row in group]


def _rest(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Of the record of an array: its tasks that wait, or that ended before they had ids of their own."""
    if row["array_size"] is None:
        return row
    left = row["array_pending"] or row["array_ended"]
    if not left:
        return None
    ended = "DEADLINE" if row["state"] == "DEADLINE" else "CANCELLED"
    state = "PENDING" if row["array_pending"] else ended
    # What a throttle holds back could not start yet.
    held_back = row["array_throttle"] and row["state"] not in ("PENDING", state)
    eligible = None if held_back else row["eligible_at"]
    return {**row, "array_pending": left, "state": state, "begun_at": None, "eligible_at": eligible}


def _tasks(row: Mapping[str, Any], named: Collection[str]) -> Iterable[Mapping[str, Any]]:
    """A row of an array's record as one for each task that waits, or for each of them that is named."""
    if row["array_size"] is None or str(row["id"]) in named:
        return [row]
    return [
        {**row, "task_array": row["id"], "task_index": index, "array_pending": None}
        for index in written_out(read_spans(row["array_pending"]))
        if not named or f"{row['id']}_{index}" in named
    ]


def _id(row: Mapping[str, Any]) -> str:
    """`31`, `31_4` of a task, `31_[3-6%2]` of those that wait."""
    if row["task_array"] is not None:
        return f"{row['task_array']}_{row['task_index']}"
    if row["part_of"] is not None:
        return f"{row['part_of'][0]}+{row['part_of'][1]}"
    pending = row["array_pending"]
    if pending is None:
        return str(row["id"])
    pending = as_listed(pending, ARRAY_TEXT_MAX)
    if len(pending) > ARRAY_TEXT_MAX:
        pending = pending[:ARRAY_TEXT_MAX] + "..."
    throttle = row["array_throttle"]
    return f"{row['id']}_[{pending}{f'%{throttle}' if throttle else ''}]"


def _base(row: Mapping[str, Any]) -> Record:
    return {
        **row,
        "row": row,
        "jobid": _id(row),
        "raw": row["id"],
        "suffix": "",
        "tasks": None,
        "cpu_s": None,
        "memory_peak_mib": None,
        "read_mib": None,
        "written_mib": None,
    }


def _current(row: Mapping[str, Any], now: float) -> Record:
    """The last attempt, or the job that waits."""
    record = _base(row)
    state, past = row["state"], row["past"]
    ran = row["begun_at"] is not None and (row["ended_at"] is not None or state != "PENDING")
    if past:
        record["submitted_at"] = past[-1]["ended_at"] or row["submitted_at"]
        # It could start once: being held since does not change that.
        record["eligible_at"] = row["eligible_at"] or record["submitted_at"]
    record["start"] = row["begun_at"] if ran else None
    record["end"] = row["ended_at"]
    record["word"] = "RUNNING" if state == "COMPLETING" else WORDS[state].base
    record["by"] = _canceller(row["cause"]) if state == "CANCELLED" else None
    record["exit"] = _exit(state, row["exit_code"], row["signal"])
    record["elapsed_s"] = _elapsed(record, now)
    record["cpus_milli"] = row["got_cpus_milli"] if ran else row["cpus_asked_milli"]
    record["got"] = ran
    return record


def _past(row: Mapping[str, Any]) -> list[Record]:
    """Earlier attempts, the oldest first; what each was given is no longer known, what was asked for is."""
    found = []
    submitted = row["submitted_at"]
    for one in row["past"]:
        record = {**_base(row), **one, "submitted_at": submitted, "attempt": one["number"]}
        requeued = one["state"] == "CANCELLED" and (one["cause"] or "").startswith("requeued")
        record["eligible_at"] = submitted
        record["start"], record["end"] = one["started_at"], one["ended_at"]
        record["word"] = "REQUEUED" if requeued else WORDS[one["state"]].base
        record["by"] = None
        record["exit"] = _exit(one["state"], one["exit_code"], one["signal"])
        record["suspended_s"], record["suspended_at"] = 0, None
        record["elapsed_s"] = _elapsed(record, submitted)
        record["cpus_milli"], record["got"] = row["cpus_asked_milli"], one["started_at"] is not None
        record["got_memory_mib"], record["got_gpus"] = row["memory_asked_mib"], row["asked_gpus"]
        submitted = one["ended_at"] or submitted
        found.append(record)
    return found


def _elapsed(record: Record, now: float) -> int:
    if record["start"] is None:
        return 0
    end = record["end"] if record["end"] is not None else record["suspended_at"] or now
    return max(0, int(end) - int(record["start"]) - int(record["suspended_s"] or 0))


def _canceller(cause: str | None) -> str | None:
    """The name in `cancelled by ada`."""
    words = (cause or "").split()
    return words[2] if words[:2] == ["cancelled", "by"] and len(words) > 2 else None


def _exit(state: str, code: int | None, signal: int | None) -> tuple[int, int]:
    """Code and signal of a job. One that was stopped has neither, as the real sacct shows it."""
    if state == "OUT_OF_MEMORY":
        return 0, OUT_OF_MEMORY_SIGNAL
    if state in ("FAILED", "COMPLETED"):
        return (0, signal) if signal else (int(state == "FAILED") if code is None else code, 0)
    return (1, 0) if state in ("NODE_FAIL", "LOST", "DEADLINE") else (0, 0)


def _steps(record: Record, steps: Sequence[Mapping[str, Any]], now: float) -> list[Record]:
    """The batch script as a step, and the steps started in the job."""
    found = []
    first = record["part_of"] is None or not record["part_of"][1]
    if record["kind"] != DRIVER and record["got"] and first:
        found.append(_batch(record))
    return found + [_step(record, step, now) for step in sorted(steps, key=lambda one: one["step"])]


def _take_apart(steps: Sequence[Record]) -> None:
    """What the batch script used is what the job used without the steps."""
    for batch in (step for step in steps if step["suffix"] == ".batch" and step["cpu_s"] is not None):
        others = sum(step["cpu_s"] or 0 for step in steps if step is not batch)
        batch["cpu_s"] = max(0.0, batch["cpu_s"] - others)


def _batch(record: Record) -> Record:
    row, state = record["row"], record["state"]
    last = record["attempt"] == row["attempt"]
    word = {"RUNNING": "RUNNING", "COMPLETED": "COMPLETED", "SUSPENDED": "SUSPENDED"}.get(record["word"])
    if word is None:
        by_itself = state == "FAILED" and not record["exit"][1]
        word = state if by_itself or state == "OUT_OF_MEMORY" else "CANCELLED"
    code, signal = record["exit"]
    if word == "CANCELLED":
        code, signal = 0, record["signal"] or signal or SIGTERM
    return {
        **record,
        **{"suffix": ".batch", "name": "batch", "word": word, "exit": (code, signal), "by": None},
        **{"tasks": 1, "nodes": record["nodes"][:1], "submitted_at": record["start"]},
        **(_on_first(row) if last else {}),
        "eligible_at": record["start"],
        **{
            key: row[key] if last else None for key in ("cpu_s", "memory_peak_mib", "read_mib", "written_mib")
        },
    }


def _on_first(row: Mapping[str, Any]) -> Record:
    """What the script's node has, of a job on several."""
    found = row["got_on_first"]
    keys = ("cpus_milli", "got_memory_mib", "got_gpus")
    return {} if found is None else dict(zip(keys, found, strict=True))


def _step(record: Record, step: Mapping[str, Any], now: float) -> Record:
    state, code, signal = step["state"], step["exit_code"], step["signal"]
    word = "CANCELLED" if signal or state == "TIMEOUT" else state
    exit = (
        (0, OUT_OF_MEMORY_SIGNAL) if state == "OUT_OF_MEMORY" else (0 if signal else code or 0, signal or 0)
    )
    found = {
        **record,
        **{key: step[key] for key in ("name", "nodes", "tasks", "cpus_milli", "cpu_s", "memory_peak_mib")},
        **{"suffix": f".{step['step']}", "word": word, "exit": exit, "by": _canceller(step["cause"])},
        **{"start": step["started_at"], "end": step["ended_at"], "submitted_at": step["started_at"]},
        **{"eligible_at": step["started_at"], "suspended_s": 0, "suspended_at": None},
        **{"got_memory_mib": step["memory_mib"], "got_gpus": step["gpus"], "step": step},
    }
    found["elapsed_s"] = _elapsed(found, now)
    return found


def _worst(steps: Iterable[Record]) -> tuple[int, int]:
    """The highest exit code of the steps, and its signal."""
    return max((step["exit"] for step in steps), default=(0, 0))


def counts(record: Record, span: Span) -> bool:
    """Whether a record belongs to the span, by the rules of sacct(1) for -S and -E with and without -s."""
    eligible, start, end = record["eligible_at"], record["start"], record["end"]
    if span.states is None:
        first = record["submitted_at"] if span.named else eligible
        return first is not None and first < span.until and (end is None or end >= span.since)
    return any(_was(word, record, eligible, start, end, span) for word in span.states)


def _was(
    word: str, record: Record, eligible: float | None, start: float | None, end: float | None, span: Span
) -> bool:
    """Whether it was in this state during the span; in an ended state: whether it ended so in it."""
    if word == "PENDING":
        waited = span.since < start if start is not None else end is None or span.since < end
        return eligible is not None and waited and span.until > eligible
    if word == "RUNNING":
        still = record["word"] == "RUNNING" if end is None else span.since < end
        return start is not None and still and span.until > start
    if word == "SUSPENDED":
        return record["word"] == word or bool(record["suspended_s"])
    return record["word"] == word and end is not None and span.since <= int(end) and end <= span.until


def truncated(record: Record, span: Span) -> Record:
    """As if it had run within the span alone (`sacct -T`)."""
    start, end = record["start"], record["end"]
    if start is not None:
        start = max(start, span.since)
        end = span.until if end is None or end > span.until else end
    changed = {**record, "start": start, "end": end}
    changed["elapsed_s"] = _elapsed(changed, span.until)
    return changed

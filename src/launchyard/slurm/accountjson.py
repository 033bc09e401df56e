"""sacct's JSON (data_parser v0.0.40, the one of 23.11): jobs with their steps."""

from collections.abc import Mapping, Sequence

from launchyard.model.hostlist import compress
from launchyard.model.light import Any
from launchyard.slurm.accountfields import Ways, allocated, asked, licences, planned_s, state_reason, used_s
from launchyard.slurm.accounting import Record
from launchyard.slurm.amounts import whole_cpus
from launchyard.slurm.formats import printable

Json = dict[str, Any]

_KINDS = {"cpu": 1, "mem": 2, "energy": 3, "node": 4, "billing": 5, "fs/disk": 6, "gres/gpu": 1001}


def number(value: float | None, *, infinite: bool = False) -> Json:
    """A number that may be missing."""
    known = value is not None and not infinite
    return {"set": known, "infinite": infinite, "number": int(value) if known and value is not None else 0}


def job(record: Record, ways: Ways) -> Json:
    """One job, or one run of it."""
    kept: Mapping[str, str] = record["metadata"] or {}
    limit_s = record["time_limit_s"]
    return {
        **_request(record),
        "account": record["account"] or "",
        "comment": {"administrator": "", "job": _kept(kept, "comment"), "system": ""},
        "allocation_nodes": len(record["nodes"]) if record["got"] else 0,
        "array": _array(record),
        "association": {
            "account": record["account"] or "",
            "cluster": ways.cluster or record["cluster"],
            "partition": "",
            "user": record["user"],
            "id": 0,
        },
        "block": "",
        "cluster": ways.cluster or record["cluster"],
        "container": _kept(kept, "container"),
        "derived_exit_code": exit_code(record["derived"]),
        "time": {
            **_times(record),
            "eligible": int(record["eligible_at"] or 0),
            "limit": number(-(-limit_s // 60) if limit_s else None, infinite=limit_s is None),
            "planned": number(planned_s(record, ways)),
            "start": int(record["start"] or 0),
            "end": int(record["end"] or 0),
            "submission": int(record["submitted_at"]),
        },
        "exit_code": exit_code(record["exit"]),
        "extra": _kept(kept, "extra"),
        "failed_node": "",
        "flags": [],
        "group": ways.group(record["uid"])[1],
        "het": _het(record),
        "job_id": record["raw"],
        "name": printable(record["name"]),
        "mcs": {"label": ""},
        "nodes": compress(list(record["nodes"])) if record["nodes"] else "None assigned",
        "hold": bool(record["held"]),
        "priority": number(record.get("priority")),
        "kill_request_user": record["by"] or "",
        "script": "",
        "state": {"current": [record["word"]], "reason": state_reason(record)},
        "steps": [_step(step) for step in record["steps"]],
        "submit_line": printable(_kept(kept, "submit-line")),
        "tres": {"allocated": resources(allocated(record)), "requested": resources(asked(record))},
        "used_gres": "",
        "user": record["user"],
        "wckey": {"wckey": _kept(kept, "wckey"), "flags": []},
        "working_directory": record["working_dir"] or "",
    }


def _request(record: Record) -> Json:
    """What was asked for."""
    return {
        "constraints": record["constraint"],
        "licenses": licences(record),
        "partition": record["partition"],
        "qos": record["qos"],
        "required": {
            "CPUs": whole_cpus(record["cpus_asked_milli"]),
            "memory_per_cpu": number(None),
            "memory_per_node": number(record["memory_asked_mib"] / max(1, record["asked_nodes"])),
        },
        "reservation": {"id": 0, "name": record["reservation"]},
    }


def _het(record: Record) -> Json:
    job, part, _ = record["part_of"] or (0, None, 0)
    return {"job_id": job, "job_offset": number(part)}


def _array(record: Record) -> Json:
    array, rest = record["task_array"], record["array_pending"]
    return {
        "job_id": array if array is not None else (record["raw"] if rest else 0),
        "limits": {"max": {"running": {"tasks": record["array_throttle"] or 0}}},
        "task_id": number(record["task_index"]),
        "task": rest or "",
    }


def _kept(kept: Mapping[str, str], option: str) -> str:
    return str(kept.get(f"slurm.{option}", ""))


def _times(record: Record) -> Json:
    """Of CPU time only the sum is known."""
    used = used_s(record)
    split = {"seconds": int(used), "microseconds": int(used % 1 * 1_000_000)}
    nothing = {"seconds": 0, "microseconds": 0}
    return {
        "elapsed": record["elapsed_s"],
        "suspended": int(record["suspended_s"] or 0),
        "system": nothing,
        "total": split,
        "user": split,
    }


def exit_code(code_and_signal: Sequence[int]) -> Json:
    code, signal = code_and_signal
    word = "SIGNALED" if signal else "ERROR" if code else "SUCCESS"
    return {
        "status": [word],
        "return_code": number(code),
        "signal": {"id": number(signal or None), "name": _SIGNALS.get(signal, "")},
    }


_SIGNALS = {
    1: "HUP",
    2: "INT",
    3: "QUIT",
    6: "ABRT",
    9: "KILL",
    10: "USR1",
    11: "SEGV",
    12: "USR2",
    15: "TERM",
}


def resources(parts: Sequence[tuple[str, float]]) -> list[Json]:
    """Trackable resources as a list."""
    found = []
    for name, count in parts:
        kind, _, rest = name.partition("/")
        if count:
            found.append({"type": kind, "name": rest, "id": _KINDS[name], "count": int(count)})
    return sorted(found, key=lambda one: int(str(one["id"])))


def _step(step: Record) -> Json:
    usage = _usage(step)
    batch = step["suffix"] == ".batch"
    return {
        "time": {**_times(step), "end": number(step["end"]), "start": number(step["start"])},
        "exit_code": exit_code(step["exit"]),
        "nodes": {
            "count": len(step["nodes"]),
            "range": compress(list(step["nodes"])) if step["nodes"] else "",
            "list": list(step["nodes"]),
        },
        "tasks": {"count": step["tasks"]},
        "pid": "",
        "CPU": {"requested_frequency": {"min": number(None), "max": number(None)}, "governor": "0"},
        "kill_request_user": step["by"] or "",
        "state": [step["word"]],
        "statistics": {"CPU": {"actual_frequency": 0}, "energy": {"consumed": number(0)}},
        "step": {"id": f"{step['raw']}{step['suffix']}", "name": printable(step["name"])},
        "task": {"distribution": "Unknown" if batch else "Block"},
        "tres": {
            "requested": {"max": usage, "min": usage, "average": usage, "total": usage},
            "consumed": {"max": [], "min": [], "average": [], "total": []},
            "allocated": resources(allocated(step)),
        },
    }


def _usage(step: Record) -> list[Json]:
    """CPU time in thousandths of a second, memory in bytes."""
    known = (("cpu", "cpu_s", 1000), ("mem", "memory_peak_mib", 1024 * 1024))
    return [
        {"type": kind, "name": "", "id": _KINDS[kind], "count": int(step[name] * factor)}
        for kind, name, factor in known
        if step[name] is not None
    ]

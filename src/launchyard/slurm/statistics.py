"""What `sdiag` prints: what the server has done since it began, in Slurm's shape."""

from collections.abc import Callable, Mapping

from launchyard.model.light import Any

Counters = Mapping[str, Any]
"""As `GET /v1/counters` answers."""

LINE = "*" * 55


def text(found: Counters, date: Callable[[float], str]) -> str:
    """`date` writes a time as `Fri Nov 20 10:50:40 2026`. There is one planner, shown in both parts."""
    jobs, states = found["jobs"], found["states"]
    return "\n".join(
        [
            LINE,
            f"sdiag output at {_moment(found['now'], date)}",
            f"Data since      {_moment(found['since'], date)}",
            LINE,
            "Server thread count:  1",
            "Agent queue size:     0",
            "Agent count:          0",
            "Agent thread count:   0",
            "DBD Agent queue size: 0",
            "",
            f"Jobs submitted: {jobs['submitted']}",
            f"Jobs started:   {jobs['started']}",
            f"Jobs completed: {jobs['completed']}",
            f"Jobs canceled:  {jobs['cancelled']}",
            f"Jobs failed:    {jobs['failed']}",
            "",
            f"Job states ts:  {_moment(found['now'], date)}",
            f"Jobs pending:   {states.get('PENDING', 0)}",
            f"Jobs running:   {sum(states.get(one, 0) for one in ('STARTING', 'RUNNING'))}",
            "",
            *_main(found),
            "",
            *_backfilling(found, date),
            "",
            "Remote Procedure Call statistics by message type",
            "",
            "Remote Procedure Call statistics by user",
            "",
            "Pending RPC statistics",
            "\tNo pending RPCs",
            "",
        ]
    )


def _main(found: Counters) -> list[str]:
    cycles = found["cycles"]
    minutes = max(1.0, (found["now"] - found["since"]) / 60)
    lines = [
        "Main schedule statistics (microseconds):",
        f"\tLast cycle:   {_micro(found['last_s'])}",
        f"\tMax cycle:    {_micro(found['max_s'])}",
        f"\tTotal cycles: {cycles}",
    ]
    if cycles:
        lines += [
            f"\tMean cycle:   {_micro(found['total_s'] / cycles)}",
            f"\tMean depth cycle:  {round(found['total_depth'] / cycles)}",
            f"\tCycles per minute: {round(cycles / minutes)}",
        ]
    return [*lines, f"\tLast queue length: {found['last_depth']}"]


def _backfilling(found: Counters, date: Callable[[float], str]) -> list[str]:
    cycles, depth = found["cycles"], found["last_depth"]
    last = "N/A" if found["last_at"] is None else _moment(found["last_at"], date)
    mean = [f"\tMean cycle: {_micro(found['total_s'] / cycles)}"] if cycles else []
    depths = round(found["total_depth"] / cycles) if cycles else 0
    more = [f"\tDepth Mean: {depths}", f"\tDepth Mean (try depth): {depths}"] if cycles else []
    return [
        "Backfilling stats",
        f"\tTotal backfilled jobs (since last slurm start): {found['planned']}",
        f"\tTotal backfilled jobs (since last stats cycle start): {found['planned']}",
        "\tTotal backfilled heterogeneous job components: 0",
        f"\tTotal cycles: {cycles}",
        f"\tLast cycle when: {last}",
        f"\tLast cycle: {_micro(found['last_s'])}",
        f"\tMax cycle:  {_micro(found['max_s'])}",
        *mean,
        f"\tLast depth cycle: {depth}",
        f"\tLast depth cycle (try sched): {depth}",
        *more,
        f"\tLast queue length: {depth}",
        *([f"\tQueue length mean: {depths}"] if cycles else []),
    ]


def _moment(at: float, date: Callable[[float], str]) -> str:
    return f"{date(at)} ({int(at)})"


def _micro(seconds: float) -> int:
    return round(1e6 * seconds)


def as_json(found: Counters) -> dict[str, Any]:
    """The part of Slurm's `statistics` that means something here."""
    jobs, states, cycles = found["jobs"], found["states"], found["cycles"]
    mean = _micro(found["total_s"] / cycles) if cycles else 0
    depth = round(found["total_depth"] / cycles) if cycles else 0
    return {
        "parts_packed": 1,
        "req_time": _time(found["now"]),
        "req_time_start": _time(found["since"]),
        "server_thread_count": 1,
        "agent_queue_size": 0,
        "agent_count": 0,
        "agent_thread_count": 0,
        "dbd_agent_queue_size": 0,
        "schedule_cycle_max": _micro(found["max_s"]),
        "schedule_cycle_last": _micro(found["last_s"]),
        "schedule_cycle_total": cycles,
        "schedule_cycle_mean": mean,
        "schedule_cycle_mean_depth": depth,
        "schedule_cycle_per_minute": round(60 * cycles / max(60.0, found["now"] - found["since"])),
        "schedule_queue_length": found["last_depth"],
        "jobs_submitted": jobs["submitted"],
        "jobs_started": jobs["started"],
        "jobs_completed": jobs["completed"],
        "jobs_canceled": jobs["cancelled"],
        "jobs_failed": jobs["failed"],
        "jobs_pending": states.get("PENDING", 0),
        "jobs_running": states.get("STARTING", 0) + states.get("RUNNING", 0),
        "job_states_ts": _time(found["now"]),
        "bf_backfilled_jobs": found["planned"],
        "bf_last_backfilled_jobs": found["planned"],
        "bf_backfilled_het_jobs": 0,
        "bf_cycle_counter": cycles,
        "bf_cycle_mean": mean,
        "bf_depth_mean": depth,
        "bf_cycle_last": _micro(found["last_s"]),
        "bf_cycle_max": _micro(found["max_s"]),
        "bf_queue_len": found["last_depth"],
        "bf_queue_len_mean": depth,
        "bf_when_last_cycle": _time(found["last_at"]),
        "bf_active": False,
        "rpcs_by_message_type": [],
        "rpcs_by_user": [],
        "pending_rpcs": [],
        "pending_rpcs_by_hostlist": [],
    }


def _time(at: float | None) -> dict[str, Any]:
    return {"set": at is not None, "infinite": False, "number": int(at or 0)}

"""A job in full, as `scontrol show job` prints it: lines of `Key=value`, or all of it in one line."""

from collections.abc import Iterator, Sequence

from launchyard.model.light import Any
from launchyard.slurm import jobvalues as of
from launchyard.slurm.facts import Facts
from launchyard.slurm.formats import printable
from launchyard.slurm.indexes import as_listed, ranges
from launchyard.slurm.reasons import REQUEUED_AND_HELD
from launchyard.slurm.states import LONG
from launchyard.slurm.times import Stamp, full_clock

OUT_OF_MEMORY_SIGNAL = 125
"""What stands for the signal of a job that ran out of memory."""

NEEDS = list(
    dict.fromkeys(
        f"{of.IDS} {of.WHY} {of.TIMES} {of.STARTS} {of.TRES} name user uid account qos priority nice "
        "dependency requeue restarts batch time_limit_s time_min_s submitted_at eligible_at deadline_at "
        "partition nodelist_asked exclude nodelist nodes task_count cpus_asked_milli memory_asked_mib "
        "nodes_max constraint exclusive licences command working_dir stdout_path stderr_path metadata "
        "cron gpu_type gpus_asked shares tasks_per_node".split()
    )
)
"""The server's columns that a record is made of."""

Row = dict[str, Any]


def records(facts: Facts, *, oneliner: bool, details: bool) -> Iterator[str]:
    """Each job as text that ends in its line's end."""
    made = {
        "shown_reason": of.reason(facts),
        "shown_dependency": of.dependency(facts),
        "begins_later": [at is not None and at > facts.around.now for at in facts["begin_at"]],
        "used_s": of.used_seconds(facts),
        "start": of.starts(facts),
        "tres": of.tres(facts),
        "cpus": of.cpus(facts),
        "cpus_a_task": of.cpus_a_task(facts),
        "cpus_a_node": of.cpus_a_node(facts),
        "least_memory": of.memory(facts),
        "gpus_a_job": of.gpus_a_job(facts),
        "gpus_a_node": of.gres(facts),
        "gpus_a_socket": of.gpus_a_socket(facts),
        "gpus_a_task": of.gpus_a_task(facts),
        "shown_licences": of.licences(facts),
    }
    columns = {**facts.columns, **made}
    stamp, group = facts.around.stamp, facts.around.group
    for values in zip(*columns.values(), strict=True):
        row = dict(zip(columns, values, strict=True))
        row["gid"], row["group"] = group(row["uid"])
        row["gpu_types"] = facts.around.gpu_types
        lines = list(_lines(row, stamp, details))
        yield " ".join(lines) + " \n" if oneliner else "\n   ".join(lines) + "\n   \n\n"


def _lines(row: Row, stamp: Stamp, details: bool) -> Iterator[str]:
    yield _head(row)
    if row["part_of"] is not None:
        job, _, count = row["part_of"]
        yield f"HetJobIdSet={job}-{job + count - 1}"
    yield from _who(row)
    if details:
        yield f"DerivedExitCode={exit_pair(row)}"
    yield from _times(row, stamp)
    yield from _places(row)
    if details:
        yield from _details(row)
    yield from _wishes(row)
    yield from _files(row)


def _head(row: Row) -> str:
    name = printable(row["name"])
    if row["part_of"] is not None:
        job, number, _ = row["part_of"]
        return f"JobId={row['id']} HetJobId={job} HetJobOffset={number} JobName={name}"
    if row["task_array"] is not None:
        array, tasks = row["task_array"], str(row["task_index"])
    elif row["array_pending"] is not None:
        array, tasks = row["id"], as_listed(row["array_pending"])
    else:
        return f"JobId={row['id']} JobName={name}"
    throttle = row["array_throttle"]
    if throttle and row["task_array"] is None:
        tasks += f"%{throttle}"
    more = f" ArrayTaskThrottle={throttle}" if throttle else ""
    return f"JobId={row['id']} ArrayJobId={array} ArrayTaskId={tasks}{more} JobName={name}"


def _who(row: Row) -> Iterator[str]:
    yield f"UserId={row['user']}({row['uid']}) GroupId={row['group']}({row['gid']}) MCS_label=N/A"
    yield (
        f"Priority={row['priority'] or 0} Nice={row['nice']} Account={_or_null(row['account'])} "
        f"QOS={_or_null(row['qos'])}"
    )
    why = row["shown_reason"].replace(" ", "_")
    yield f"JobState={LONG[row['state']]} Reason={why} Dependency={row['shown_dependency']}"
    yield (
        f"Requeue={int(bool(row['requeue']))} Restarts={row['restarts']} BatchFlag={int(bool(row['batch']))} "
        f"Reboot=0 ExitCode={exit_pair(row)}"
    )


def exit_pair(row: Row) -> str:
    """`code:signal`."""
    if row["state"] == "OUT_OF_MEMORY":
        return f"0:{OUT_OF_MEMORY_SIGNAL}"
    return f"0:{row['signal']}" if row["signal"] else f"{row['exit_code'] or 0}:0"


def _times(row: Row, stamp: Stamp) -> Iterator[str]:
    limit, least, start = row["time_limit_s"], row["time_min_s"], row["start"]
    end = row["ended_at"] or (start + limit if start is not None and limit is not None else None)
    yield (
        f"RunTime={full_clock(row['used_s'])} "
        f"TimeLimit={'UNLIMITED' if limit is None else full_clock(limit)} "
        f"TimeMin={'N/A' if least is None else full_clock(least)}"
    )
    eligible = stamp(row["eligible_at"])
    yield f"SubmitTime={stamp(row['submitted_at'])} EligibleTime={eligible}"
    grows = not row["begins_later"] and row["shown_reason"] != REQUEUED_AND_HELD
    yield f"AccrueTime={eligible if grows else 'Unknown'}"
    deadline = "N/A" if row["deadline_at"] is None else stamp(row["deadline_at"])
    yield f"StartTime={stamp(start)} EndTime={stamp(end)} Deadline={deadline}"
    if spec := (row["metadata"] or {}).get("slurm.cron"):
        yield f'{"CronJob=Yes " if row["cron"] else ""}CrontabSpec="{printable(spec)}"'
    if row["state"] != "PENDING":
        yield f"PreemptEligibleTime={stamp(start)} PreemptTime=None"
    suspended = "None" if row["suspended_at"] is None else stamp(row["suspended_at"])
    yield (
        f"SuspendTime={suspended} SecsPreSuspend={int(row['suspended_s'] or 0)} "
        f"LastSchedEval={stamp(row['started_at'] or row['eligible_at'])} Scheduler=Main"
    )


def _places(row: Row) -> Iterator[str]:
    kept = row["metadata"] or {}
    host, session = kept.get("slurm.submit_host", "localhost"), kept.get("slurm.sid", "0")
    yield f"Partition={row['partition']} AllocNode:Sid={printable(host)}:{printable(session)}"
    yield f"ReqNodeList={_list(row['nodelist_asked'])} ExcNodeList={_list(row['exclude'])}"
    yield f"NodeList={row['nodelist']}"
    if row["nodes"]:
        yield f"BatchHost={row['nodes'][0]}"
    yield (
        f"NumNodes={_node_count(row)} NumCPUs={row['cpus']} NumTasks={row['task_count']} "
        f"CPUs/Task={row['cpus_a_task']} ReqB:S:C:T=0:0:*:*"
    )
    yield f"TRES={row['tres']}"
    yield f"ReqTRES={row['tres']}"
    yield f"AllocTRES={row['tres'] if row['nodelist'] else '(null)'}"
    per_node = printable((row["metadata"] or {}).get("slurm.ntasks-per-node", "0"))
    yield f"Socks/Node=* NtasksPerN:B:S:C={per_node}:0:*:* CoreSpec=*"


def _node_count(row: Row) -> str:
    """Of a job that waits the least and the most, where a number was asked for."""
    least = f"{row['node_count']}"
    asked = "slurm.nodes" in (row["metadata"] or {}) and row["state"] == "PENDING"
    return f"{least}-{row['nodes_max'] or least}" if asked else least


def _details(row: Row) -> Iterator[str]:
    """What it has of each node."""
    if not row["shares"]:
        return
    kinds = [row["gpu_types"].get(share[0]) or "" for share in row["shares"]]
    counts = dict.fromkeys(kinds, 0)
    for kind, share in zip(kinds, row["shares"], strict=True):
        counts[kind] += len(share[4])
    yield f"JOB_GRES={','.join(_gpus(kind, count) for kind, count in counts.items() if count) or '(null)'}"
    for kind, (node, _, memory, cpu_ids, gpu_ids, _) in zip(kinds, row["shares"], strict=True):
        gpus = f"{_gpus(kind, len(gpu_ids))}(IDX:{ranges(gpu_ids)})" if gpu_ids else ""
        yield f"  Nodes={node} CPU_IDs={ranges(cpu_ids)} Mem={memory} GRES={gpus}"


def _gpus(kind: str, count: int) -> str:
    return f"gpu:{kind}:{count}" if kind else f"gpu:{count}"


def _wishes(row: Row) -> Iterator[str]:
    kept: dict[str, str] = row["metadata"] or {}
    memory = f"MinMemory{'CPU' if of.is_per_cpu(kept) else 'Node'}={row['least_memory']}"
    least = printable(kept.get("slurm.mincpus", "")) or row["cpus_a_node"]
    yield f"MinCPUsNode={least} {memory} MinTmpDiskNode={printable(kept.get('slurm.tmp', '0'))}"
    yield f"Features={_or_null(row['constraint'])} DelayBoot=00:00:00"
    shared = "NO" if row["exclusive"] else "OK"
    network = _or_null(kept.get("slurm.network", ""))
    yield (
        f"OverSubscribe={shared} Contiguous={int('slurm.contiguous' in kept)} "
        f"Licenses={row['shown_licences']} Network={network}"
    )


def _files(row: Row) -> Iterator[str]:
    kept: dict[str, str] = row["metadata"] or {}
    command = kept.get("slurm.command") or " ".join(row["command"] or ())
    yield f"Command={_or_null(command)}"
    yield f"WorkDir={_or_null(row['working_dir'])}"
    if kept.get("slurm.comment"):
        yield f"Comment={printable(kept['slurm.comment'])} "
    yield f"StdErr={printable(row['stderr_path'] or '')}"
    yield f"StdIn={printable(kept.get('slurm.input', '/dev/null'))}"
    yield f"StdOut={printable(row['stdout_path'] or '')}"
    yield "Power="
    for each in ("Job", "Node", "Socket", "Task"):
        if (gpus := row[f"gpus_a_{each.lower()}"]) != "N/A":
            yield f"TresPer{each}={gpus}"
    if "slurm.mail-type" in kept:
        user = printable(kept.get("slurm.mail-user") or str(row["user"]))
        yield f"MailUser={user} MailType={printable(kept['slurm.mail-type'])}"


def _or_null(text: str | None) -> str:
    return printable(text) if text else "(null)"


def _list(names: Sequence[str] | None) -> str:
    return printable(",".join(names or ())) or "(null)"

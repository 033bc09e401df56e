"""The fields of sacct(1): their names, widths and values.

Widths and names are those of sacct 22.05 and 23.11; of the ones that 23.11 renamed both are known.
"""

from collections.abc import Callable, Mapping

from launchyard.model.hostlist import compress
from launchyard.model.light import NamedTuple
from launchyard.slurm import reasons
from launchyard.slurm.accounting import Record
from launchyard.slurm.amounts import Units, short_clock, whole_cpus
from launchyard.slurm.columns import DATE, PLAIN, table_of
from launchyard.slurm.times import full_clock

FIELDS = table_of(
    """
    Account:10 AdminComment:15 AllocCPUS:10 AllocNodes:10 AllocTRES:10 AssocID:7 AveCPU:10 AveCPUFreq:10
    AveDiskRead:14 AveDiskWrite:14 AvePages:10 AveRSS:10 AveVMSize:10 BlockID:16 Cluster:10 Comment:14
    Constraints:19 ConsumedEnergy:14 ConsumedEnergyRaw:17 Container:19 CPUTime:10 CPUTimeRAW:10 DBIndex:-10
    DerivedExitCode:15 Elapsed:10 ElapsedRaw:10 Eligible:19 End:19 ExitCode:8 Extra:19 FailedNode:19 Flags:19
    GID:6 Group:9 JobID:-12 JobIDRaw:-12 JobName:10 Layout:9 Licenses:12 MaxDiskRead:12 MaxDiskReadNode:15
    MaxDiskReadTask:15 MaxDiskWrite:12 MaxDiskWriteNode:16 MaxDiskWriteTask:16 MaxPages:8 MaxPagesNode:12
    MaxPagesTask:14 MaxRSS:10 MaxRSSNode:10 MaxRSSTask:10 MaxVMSize:10 MaxVMSizeNode:14 MaxVMSizeTask:14
    McsLabel:12 MinCPU:10 MinCPUNode:10 MinCPUTask:10 NCPUS:10 NNodes:8 NodeList:15 NTasks:8 Partition:10
    Planned:10 PlannedCPU:10 PlannedCPURAW:13 Priority:10 QOS:10 QOSRAW:6 Reason:22 ReqCPUFreq:10
    ReqCPUFreqGov:13 ReqCPUFreqMax:13 ReqCPUFreqMin:13 ReqCPUS:8 ReqMem:10 ReqNodes:8 ReqTRES:10
    Reservation:20 ReservationId:8 Reserved:10 ResvCPU:10 ResvCPURAW:10 Restarts:8 Start:19 State:10
    StdErr:20 StdIn:20 StdOut:20 Submit:19 SubmitLine:20 Suspended:10 SystemComment:15 SystemCPU:10
    Timelimit:10 TimelimitRaw:10 TotalCPU:10 TRESUsageInAve:14 TRESUsageInMax:14 TRESUsageInMaxNode:18
    TRESUsageInMaxTask:18 TRESUsageInMin:14 TRESUsageInMinNode:18 TRESUsageInMinTask:18 TRESUsageInTot:14
    TRESUsageOutAve:15 TRESUsageOutMax:15 TRESUsageOutMaxNode:19 TRESUsageOutMaxTask:19 TRESUsageOutMin:15
    TRESUsageOutMinNode:19 TRESUsageOutMinTask:19 TRESUsageOutTot:15 UID:6 User:9 UserCPU:10 WCKey:10
    WCKeyID:10 WorkDir:20
    """,
    {
        DATE: "Eligible End Start Submit",
        PLAIN: """AllocCPUS AllocNodes AssocID CPUTime CPUTimeRAW DBIndex Elapsed ElapsedRaw GID NCPUS NNodes
        NTasks Planned PlannedCPU PlannedCPURAW Priority QOSRAW ReqCPUS ReqNodes ReservationId Reserved
        ResvCPU ResvCPURAW Restarts Suspended TimelimitRaw UID WCKeyID""",
    },
)

_SINCE_23 = ("extra", "failednode", "planned", "plannedcpu", "plannedcpuraw")
_SINCE_24 = ("licenses", "restarts", "stderr", "stdin", "stdout")
_UNTIL_22 = ("reserved", "resvcpu", "resvcpuraw")


def names_of(major: int) -> list[str]:
    """The names of the fields that this version lists; all are known in every version."""
    left_out = {*(_UNTIL_22 if major > 22 else _SINCE_23), *(_SINCE_24 if major < 24 else ())}
    return [field.name for key, field in FIELDS.items() if key not in left_out]


DEFAULT = "jobid,jobname,partition,account,alloccpus,state,exitcode"
BRIEF = "jobid,state,exitcode"
COMPLETION = "jobid,uid,jobname,partition,nnodes,nodelist,state,end"
LONG = (
    "jobid,jobidraw,jobname,partition,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,maxrssnode,"
    "maxrsstask,averss,maxpages,maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,mincputask,avecpu,ntasks,"
    "alloccpus,elapsed,state,exitcode,avecpufreq,reqcpufreqmin,reqcpufreqmax,reqcpufreqgov,reqmem,"
    "consumedenergy,maxdiskread,maxdiskreadnode,maxdiskreadtask,avediskread,maxdiskwrite,maxdiskwritenode,"
    "maxdiskwritetask,avediskwrite,reqtres,alloctres,tresusageinave,tresusageinmax,tresusageinmaxnode,"
    "tresusageinmaxtask,tresusageinmin,tresusageinminnode,tresusageinmintask,tresusageintot,tresusageoutmax,"
    "tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutave,tresusageouttot"
)


class Ways(NamedTuple):
    """How values are written: `stamp` prints a time, `uid` knows a name's id, `group` a user's group."""

    units: Units
    stamp: Callable[[float | None], str]
    uid: Callable[[str], int | None]
    group: Callable[[int], tuple[str, str]]
    cluster: str
    now: float


Value = Callable[[Record, Ways], str]


def value(name: str, record: Record, ways: Ways) -> str:
    """A field (small letters) of a record; blank where nothing is known."""
    read = _OF_STEPS.get(name) if record["suffix"] else _OF_JOBS.get(name)
    return read(record, ways) if read is not None else ""


def state_word(record: Record, ways: Ways) -> str:
    """`COMPLETED`, `CANCELLED by 1001`."""
    if not record["by"]:
        return str(record["word"])
    uid = record["uid"] if record["by"] == record["user"] else ways.uid(record["by"])
    return str(record["word"]) if uid is None else f"{record['word']} by {uid}"


def _key(name: str) -> Value:
    def read(record: Record, ways: Ways) -> str:
        found = record.get(name)
        return "" if found is None else str(found)

    return read


def _time(name: str, none: str = "Unknown") -> Value:
    def read(record: Record, ways: Ways) -> str:
        at = record[name]
        return none if at is None else ways.stamp(at)

    return read


def _start(record: Record, ways: Ways) -> str:
    """`None` of a job that ended without having started."""
    if record["start"] is None:
        return "Unknown" if record["end"] is None else "None"
    return ways.stamp(record["start"])


def _exit(name: str) -> Value:
    def read(record: Record, ways: Ways) -> str:
        code, signal = record[name]
        return f"{code}:{signal}"

    return read


def _cpus(record: Record, ways: Ways) -> str:
    return str(whole_cpus(record["cpus_milli"]))


def _elapsed(record: Record, ways: Ways) -> str:
    return full_clock(record["elapsed_s"])


def _cpu_time_raw(record: Record, ways: Ways) -> str:
    return str(record["elapsed_s"] * whole_cpus(record["cpus_milli"]))


def _cpu_time(record: Record, ways: Ways) -> str:
    return full_clock(record["elapsed_s"] * whole_cpus(record["cpus_milli"]))


def used_s(record: Record) -> float:
    """CPU time of a step, or of all steps of a job."""
    if record["suffix"]:
        return float(record["cpu_s"] or 0)
    return sum(float(step["cpu_s"] or 0) for step in record["steps"])


def _total_cpu(record: Record, ways: Ways) -> str:
    return short_clock(used_s(record))


def _nodes(record: Record, ways: Ways) -> str:
    return compress(list(record["nodes"])) if record["nodes"] else "None assigned"


def _allocated_nodes(record: Record, ways: Ways) -> str:
    return str(len(record["nodes"]) if record["got"] else 0)


def _node_count(record: Record, ways: Ways) -> str:
    return str(len(record["nodes"]) or record["asked_nodes"])


def allocated(record: Record) -> list[tuple[str, float]]:
    """What it got: of a job with what it is billed, which is a unit a CPU."""
    if not record["got"]:
        return []
    cpus = whole_cpus(record["cpus_milli"])
    parts: list[tuple[str, float]] = [] if record["suffix"] else [("billing", cpus)]
    return [
        *parts,
        ("cpu", cpus),
        ("gres/gpu", record["got_gpus"]),
        ("mem", record["got_memory_mib"]),
        ("node", len(record["nodes"])),
    ]


def asked(record: Record) -> list[tuple[str, float]]:
    cpus = whole_cpus(record["cpus_asked_milli"])
    return [
        ("billing", cpus),
        ("cpu", cpus),
        ("gres/gpu", record["asked_gpus"]),
        ("mem", record["memory_asked_mib"]),
        ("node", record["asked_nodes"]),
    ]


def _got_resources(record: Record, ways: Ways) -> str:
    return ways.units.resources(allocated(record))


def _asked_resources(record: Record, ways: Ways) -> str:
    return ways.units.resources(asked(record))


def _asked_memory(record: Record, ways: Ways) -> str:
    return ways.units.size(record["memory_asked_mib"], "M")


def licences(record: Record) -> str:
    return ",".join(f"{name}:{count}" for name, count in record["licences"].items())


def planned_s(record: Record, ways: Ways) -> int:
    """How long it waited once it could start."""
    eligible = record["eligible_at"]
    until = record["start"] or record["end"] or ways.now
    return 0 if eligible is None else max(0, int(until) - int(eligible))


def _planned(record: Record, ways: Ways) -> str:
    return full_clock(planned_s(record, ways))


def _planned_cpu_raw(record: Record, ways: Ways) -> str:
    return str(planned_s(record, ways) * whole_cpus(record["cpus_asked_milli"]))


def _planned_cpu(record: Record, ways: Ways) -> str:
    return full_clock(planned_s(record, ways) * whole_cpus(record["cpus_asked_milli"]))


def _limit(record: Record, ways: Ways) -> str:
    limit = record["time_limit_s"]
    return "UNLIMITED" if limit is None else full_clock(-(-limit // 60) * 60)


def _limit_raw(record: Record, ways: Ways) -> str:
    limit = record["time_limit_s"]
    return "UNLIMITED" if limit is None else str(-(-limit // 60))


def _reason(record: Record, ways: Ways) -> str:
    return state_reason(record)


def state_reason(record: Record) -> str:
    """What kept it from starting, other than its turn and what others hold."""
    code = record["reason_code"]
    if record["word"] != "PENDING" or code in (None, "resources", "priority"):
        return "None"
    return reasons.waiting(code, record.get("reason_scope"))


def kept(name: str) -> Value:
    """What was given at the submission and is kept for Slurm's commands alone."""

    def read(record: Record, ways: Ways) -> str:
        return str((record["metadata"] or {}).get(name, ""))

    return read


def _text(text: str) -> Value:
    return lambda record, ways: text


def _cluster(record: Record, ways: Ways) -> str:
    return ways.cluster or str(record["cluster"])


def _gid(record: Record, ways: Ways) -> str:
    return ways.group(record["uid"])[0]


def _group(record: Record, ways: Ways) -> str:
    return ways.group(record["uid"])[1]


def _suspended(record: Record, ways: Ways) -> str:
    since = record["suspended_at"]
    more = int(ways.now) - int(since) if since is not None and record["end"] is None else 0
    return full_clock(int(record["suspended_s"] or 0) + more)


def _step_id(record: Record, ways: Ways) -> str:
    return f"{record['jobid']}{record['suffix']}"


def _raw_id(record: Record, ways: Ways) -> str:
    return f"{record['raw']}{record['suffix']}"


def _memory(record: Record, ways: Ways) -> str:
    peak = record["memory_peak_mib"]
    return "" if peak is None else ways.units.size(round(peak * 1024) * 1024)


def _of_memory(text: Value) -> Value:
    """Which node and which task had the peak: known where a peak is."""
    return lambda record, ways: "" if record["memory_peak_mib"] is None else text(record, ways)


def _average_cpu(record: Record, ways: Ways) -> str:
    cpu_s = record["cpu_s"]
    return "" if cpu_s is None else full_clock(cpu_s / max(1, record["tasks"] or 1))


def _disk(name: str) -> Value:
    def read(record: Record, ways: Ways) -> str:
        mib = record[name]
        return "" if mib is None else ways.units.size(mib * 1024 * 1024, always="M")

    return read


def _usage_in(record: Record, ways: Ways) -> str:
    """CPU time, bytes read and memory, as trackable resources."""
    parts = []
    if record["cpu_s"] is not None:
        parts.append(f"cpu={full_clock(record['cpu_s'])}")
    if record["read_mib"] is not None:
        parts.append(f"fs/disk={int(record['read_mib'] * 1024 * 1024)}")
    if record["memory_peak_mib"] is not None:
        parts.append(f"mem={_memory(record, ways)}")
    return ",".join(parts)


def _usage_out(record: Record, ways: Ways) -> str:
    return "" if record["written_mib"] is None else f"fs/disk={int(record['written_mib'] * 1024 * 1024)}"


def _first_node(record: Record, ways: Ways) -> str:
    return str(record["nodes"][0]) if record["nodes"] else ""


_OF_ALL: Mapping[str, Value] = {
    "account": _key("account"),
    "alloccpus": _cpus,
    "allocnodes": _allocated_nodes,
    "alloctres": _got_resources,
    "cluster": _cluster,
    "cputime": _cpu_time,
    "cputimeraw": _cpu_time_raw,
    "dbindex": _key("raw"),
    "elapsed": _elapsed,
    "elapsedraw": _key("elapsed_s"),
    "eligible": _time("eligible_at"),
    "end": _time("end"),
    "exitcode": _exit("exit"),
    "jobid": _step_id,
    "jobidraw": _raw_id,
    "jobname": _key("name"),
    "ncpus": _cpus,
    "nnodes": _node_count,
    "nodelist": _nodes,
    "start": _start,
    "state": state_word,
    "submit": _time("submitted_at"),
    "suspended": _suspended,
    "totalcpu": _total_cpu,
}

_OF_JOBS: Mapping[str, Value] = {
    **_OF_ALL,
    "admincomment": kept("slurm.admin-comment"),
    "comment": kept("slurm.comment"),
    "constraints": _key("constraint"),
    "derivedexitcode": _exit("derived"),
    "extra": kept("slurm.extra"),
    "gid": _gid,
    "group": _group,
    "licenses": lambda record, ways: licences(record),
    "partition": _key("partition"),
    "planned": _planned,
    "plannedcpu": _planned_cpu,
    "plannedcpuraw": _planned_cpu_raw,
    "priority": _key("priority"),
    "qos": _key("qos"),
    "reason": _reason,
    "reqcpufreq": _text("Unknown"),
    "reqcpufreqgov": _text("Unknown"),
    "reqcpufreqmax": _text("Unknown"),
    "reqcpufreqmin": _text("Unknown"),
    "reqcpus": lambda record, ways: str(whole_cpus(record["cpus_asked_milli"])),
    "reqmem": _asked_memory,
    "reqnodes": _key("asked_nodes"),
    "reqtres": _asked_resources,
    "reservation": _key("reservation"),
    "reserved": _planned,
    "restarts": lambda record, ways: str(max(0, (record["attempt"] or 1) - 1)),
    "resvcpu": _planned_cpu,
    "resvcpuraw": _planned_cpu_raw,
    "submitline": kept("slurm.submit-line"),
    "timelimit": _limit,
    "timelimitraw": _limit_raw,
    "uid": _key("uid"),
    "user": _key("user"),
    "wckey": kept("slurm.wckey"),
    "workdir": _key("working_dir"),
}

_OF_STEPS: Mapping[str, Value] = {
    **_OF_ALL,
    "avecpu": _average_cpu,
    "avediskread": _disk("read_mib"),
    "avediskwrite": _disk("written_mib"),
    "averss": _memory,
    "layout": lambda record, ways: "Unknown" if record["suffix"] == ".batch" else "Block",
    "maxdiskread": _disk("read_mib"),
    "maxdiskwrite": _disk("written_mib"),
    "maxrss": _memory,
    "maxrssnode": _of_memory(_first_node),
    "maxrsstask": _of_memory(_text("0")),
    "mincpu": _average_cpu,
    "ntasks": _key("tasks"),
    "reqcpufreq": _text("0"),
    "reqcpufreqgov": _text("0"),
    "reqcpufreqmax": _text("0"),
    "reqcpufreqmin": _text("0"),
    "reqcpus": _cpus,
    "reqnodes": _node_count,
    "tresusageinave": _usage_in,
    "tresusageinmax": _usage_in,
    "tresusageinmin": _usage_in,
    "tresusageintot": _usage_in,
    "tresusageoutave": _usage_out,
    "tresusageoutmax": _usage_out,
    "tresusageoutmin": _usage_out,
    "tresusageouttot": _usage_out,
}

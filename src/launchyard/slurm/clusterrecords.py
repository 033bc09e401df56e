"""Nodes, partitions, reservations and licences as `scontrol show` prints them: `Name=value`, many a line."""

from collections.abc import Sequence

from launchyard.slurm.clusterjson import tres, used_tres
from launchyard.slurm.formats import printable
from launchyard.slurm.nodes import Row, cpus_used, folded, gres, gres_used, state_of
from launchyard.slurm.times import Stamp, full_clock

PORT = 6818
"""Nobody listens there; programs expect a number."""


def laid_out(lines: Sequence[str], oneliner: bool) -> str:
    """One record, with an empty line after it unless it is one line alone."""
    return " ".join(lines) + "\n" if oneliner else "\n   ".join(lines) + "\n\n"


def node(row: Row, stamp: Stamp, version: str, details: bool = False) -> list[str]:
    """Power and sensors are not measured here; their words are those of a site that measures nothing."""
    features = ",".join(row["features"]) or "(null)"
    drained = ["GresDrain=N/A", f"GresUsed={gres_used(row)}"] if details else []
    load = "N/A" if row["load"] is None else f"{row['load']:.2f}"
    free = "N/A" if row["memory_free_mib"] is None else row["memory_free_mib"]
    return [
        f"NodeName={row['name']} Arch={row['arch']} CoresPerSocket={row['cores']} ",
        f"CPUAlloc={cpus_used(row)} CPUEfctv={row['cpus']} CPUTot={row['cpus']} CPULoad={load}",
        f"AvailableFeatures={features}",
        f"ActiveFeatures={features}",
        f"Gres={gres(row) or '(null)'}",
        *drained,
        f"NodeAddr={row['name']} NodeHostName={row['name']} Port={PORT} Version={version}",
        f"OS={row['os']} ",
        f"RealMemory={row['memory_mib']} AllocMem={row['memory_used_mib']} FreeMem={free} "
        f"Sockets={row['sockets']} Boards=1",
        f"State={state_of(row).full} ThreadsPerCore={row['threads']} TmpDisk=0 Weight=1 "
        "Owner=N/A MCS_label=N/A",
        f"Partitions={','.join(row['partitions'])} ",
        f"BootTime={stamp(row['booted_at'])} SlurmdStartTime={stamp(row['served_since'])}",
        f"LastBusyTime={stamp(row['served_since'])}",
        f"CfgTRES={tres(row['cpus'], row['memory_mib'], gpus=row['gpus'])}",
        f"AllocTRES={used_tres(row)}",
        "CapWatts=n/a",
        "CurrentWatts=0 AveWatts=0",
        "ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s",
        *_reason(row, stamp),
    ]


def _reason(row: Row, stamp: Stamp) -> list[str]:
    if not row["reason"]:
        return []
    return [f"Reason={printable(row['reason'])} [{row['reason_user'] or 'root'}@{stamp(row['reason_at'])}]"]


def partition(row: Row) -> list[str]:
    denied = [f"Deny{what}={','.join(row[key])}" for what, key in _DENIED if row[key]]
    accounts, qos = (_list(row[key]) for key in ("accounts", "qos"))
    least = row["nodes_min"] if row["nodes_min"] > 1 else 0
    return [
        f"PartitionName={row['name']}",
        " ".join([f"AllowGroups={_list(row['groups'])} AllowAccounts={accounts} AllowQos={qos}", *denied]),
        f"AllocNodes=ALL Default={_yes(row['default'])} QoS={row['default_qos'] or 'N/A'}",
        f"DefaultTime={_default_time(row)} DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO",
        f"MaxNodes={_unlimited(row['nodes_max'])} MaxTime={_limit(row['time_limit_max_s'])} MinNodes={least} "
        "LLN=NO MaxCPUsPerNode=UNLIMITED",
        f"Nodes={folded(row['nodes']) or '(null)'}",
        f"PriorityJobFactor={row['priority']} PriorityTier={row['tier']} "
        "RootOnly=NO ReqResv=NO OverSubscribe=NO",
        f"OverTimeLimit=NONE PreemptMode={row['preempt_mode'].upper()}",
        f"State={row['state'].upper()} TotalCPUs={row['cpus']} TotalNodes={len(row['nodes'])} "
        "SelectTypeParameters=NONE",
        "JobDefaults=(null)",
        "DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED",
        f"TRES={tres(row['cpus'], row['memory_mib'], len(row['nodes']), row['gpus'])}",
    ]


_DENIED = (("Accounts", "denied_accounts"), ("Qos", "denied_qos"))


def reservation(row: Row, cores: int, stamp: Stamp, now: float) -> list[str]:
    """`cores` are those of its nodes."""
    flags = "MAINT,SPEC_NODES" if row["maintenance"] else "SPEC_NODES"
    state = "ACTIVE" if row["start"] <= now < row["end"] else "INACTIVE"
    users = ",".join(row["users"]) or ("root" if row["maintenance"] else "(null)")
    return [
        f"ReservationName={row['name']} StartTime={stamp(row['start'])} EndTime={stamp(row['end'])} "
        f"Duration={full_clock(row['end'] - row['start'])}",
        f"Nodes={folded(row['nodes'])} NodeCnt={len(row['nodes'])} CoreCnt={cores} Features=(null) "
        f"PartitionName=(null) Flags={flags}",
        f"TRES=cpu={cores}",
        f"Users={users} Groups=(null) Accounts={','.join(row['accounts']) or '(null)'} Licenses=(null) "
        f"State={state} BurstBuffer=(null) Watts=n/a",
        "MaxStartDelay=(null)",
    ]


def licence(row: Row, oneliner: bool) -> str:
    count, used = row["count"], row["used"]
    amounts = f"Total={count} Used={used} Free={count - used} Reserved=0 Remote=no"
    return f"LicenseName={row['name']}{' ' if oneliner else chr(10) + '    '}{amounts}\n"


def _list(words: Sequence[str]) -> str:
    return ",".join(words) or "ALL"


def _yes(truth: bool) -> str:
    return "YES" if truth else "NO"


def _unlimited(count: int | None) -> str:
    return "UNLIMITED" if count is None else str(count)


def _default_time(row: Row) -> str:
    """Slurm's NONE means the longest time there is."""
    return "NONE" if row["time_limit_s"] == row["time_limit_max_s"] else _limit(row["time_limit_s"])


def _limit(seconds: int | None) -> str:
    return "UNLIMITED" if seconds is None else full_clock(seconds)

"""What `scontrol show config` prints: names and values that programs read, each true of the server or fixed.

Only names that mean something here, or that clients are known to read, are told: a name that is not there is
better than a value that is wrong.
"""

from collections.abc import Mapping

from launchyard.model.light import Any
from launchyard.slurm.times import Stamp, full_clock

Site = Mapping[str, Any]
"""What the server says of itself: see `GET /v1/slurm/config`."""


def lines(site: Site, stamp: Stamp, host: str) -> list[str]:
    """`Name                    = value`, sorted as Slurm sorts them."""
    found = {**_fixed(), **_accounting(), **_limits(site), **_priority(site), **_server(site, stamp, host)}
    return [f"{name:<23} = {found[name]}" for name in sorted(found, key=str.lower)]


def _fixed() -> dict[str, str]:
    """The ways of our server in the names of plugins."""
    return {
        "AuthType": "auth/munge",
        "BatchStartTimeout": "10 sec",
        "CompleteWait": "0 sec",
        "CredType": "cred/munge",
        "DisableRootJobs": "No",
        "EnforcePartLimits": "NO",
        "Epilog": "(null)",
        "EpilogSlurmctld": "(null)",
        "InactiveLimit": "0 sec",
        "InteractiveStepOptions": "--interactive --preserve-env --pty $SHELL",
        "JobAcctGatherFrequency": "30",
        "JobAcctGatherType": "jobacct_gather/cgroup",
        "JobCompType": "jobcomp/none",
        "JobFileAppend": "0",
        "JobRequeue": "1",
        "JobSubmitPlugins": "(null)",
        "KillOnBadExit": "0",
        "LaunchParameters": "(null)",
        "MailProg": "/bin/mail",
        "MessageTimeout": "10 sec",
        "MpiDefault": "none",
        "OverTimeLimit": "0 min",
        "PrivateData": "none",
        "ProctrackType": "proctrack/cgroup",
        "Prolog": "(null)",
        "PrologFlags": "(null)",
        "PropagateResourceLimits": "ALL",
        "RebootProgram": "(null)",
        "ResumeProgram": "(null)",
        "ReturnToService": "2",
        "SchedulerTimeSlice": "30 sec",
        "SchedulerType": "sched/backfill",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_CORE_MEMORY",
        "SlurmctldParameters": "(null)",
        "SlurmctldTimeout": "120 sec",
        "SlurmdTimeout": "300 sec",
        "SlurmdUser": "root(0)",
        "SuspendProgram": "(null)",
        "SuspendTime": "INFINITE",
        "SwitchType": "switch/none",
        "TaskPlugin": "task/affinity,task/cgroup",
        "TopologyPlugin": "topology/none",
        "TrackWCKey": "No",
        "UsePam": "No",
        "WaitTime": "0 sec",
    }


def _accounting() -> dict[str, str]:
    """Ended jobs are kept: sacct has its answers."""
    return {
        "AccountingStorageEnforce": "associations,limits,qos",
        "AccountingStorageHost": "localhost",
        "AccountingStorageTRES": "cpu,mem,energy,node,billing,fs/disk,vmem,pages,gres/gpu",
        "AccountingStorageType": "accounting_storage/slurmdbd",
        "AccountingStoreFlags": "job_comment,job_script",
    }


def _limits(site: Site) -> dict[str, str]:
    licences = ",".join(f"{name}:{count}" for name, count in site["licences"].items())
    return {
        "DefMemPerCPU": str(site["memory_per_cpu_mib"]),
        "FirstJobId": "1",
        "GresTypes": "gpu" if site["gpus"] else "(null)",
        "KillWait": f"{site['grace_s']:g} sec",
        "Licenses": licences or "(null)",
        "MaxArraySize": str(site["max_array_size"]),
        "MaxJobCount": "10000000",
        "MaxJobId": "9007199254740991",
        "MaxMemPerNode": "UNLIMITED",
        "MaxNodeCount": str(site["nodes"]),
        "MaxStepCount": "40000",
        "MaxTasksPerNode": "512",
        "MinJobAge": f"{site['min_job_age_s']} sec",
        "NEXT_JOB_ID": str(site["next_job_id"]),
        "UnkillableStepTimeout": "60 sec",
    }


def _priority(site: Site) -> dict[str, str]:
    weights, mode = site["weights"], site["preempt_mode"]
    half_life = site["half_life_s"]
    tres = (("CPU", "cpus"), ("Mem", "memory"), ("GRES/gpu", "gpus"))
    return {
        "PreemptMode": mode.upper(),
        "PreemptType": "preempt/none" if mode == "off" else "preempt/qos",
        "PriorityCalcPeriod": "00:05:00",
        "PriorityDecayHalfLife": "UNLIMITED" if half_life is None else full_clock(half_life),
        "PriorityFavorSmall": "Yes" if weights["favor_small"] else "No",
        "PriorityFlags": "",
        "PriorityMaxAge": full_clock(weights["age_max_s"]),
        "PriorityType": "priority/basic" if site["order"] == "fifo" else "priority/multifactor",
        "PriorityUsageResetPeriod": "NONE",
        "PriorityWeightAge": str(weights["age"]),
        "PriorityWeightAssoc": "0",
        "PriorityWeightFairShare": str(weights["fairshare"]),
        "PriorityWeightJobSize": str(weights["job_size"]),
        "PriorityWeightPartition": str(weights["partition"]),
        "PriorityWeightQOS": str(weights["qos"]),
        "PriorityWeightTRES": ",".join(f"{name}={weights[key]}" for name, key in tres if weights[key])
        or "(null)",
    }


def _server(site: Site, stamp: Stamp, host: str) -> dict[str, str]:
    depth = "all" if site["depth"] is None else site["depth"]
    return {
        "BOOT_TIME": stamp(site["served_since"]),
        "ClusterName": site["cluster"],
        "SLURM_CONF": f"{site['state']}/slurm.conf",
        "ScronParameters": "enable,explicit_scancel" if site["explicit_scancel"] else "enable",
        "SLURM_VERSION": site["version"],
        "SchedulerParameters": f"bf_job_part_count_reserve={depth}" if depth != "all" else "bf_continue",
        "SlurmUser": f"{site['daemon_user']}({site['daemon_uid']})",
        "SlurmctldHost[0]": host,
        "SlurmctldPort": "6817",
        "SlurmdPort": "6818",
        "StateSaveLocation": site["state"],
    }

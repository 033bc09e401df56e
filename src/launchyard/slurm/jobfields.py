"""The fields of a job that `squeue -o` knows by letter and `-O` by name: heading, facts needed, texts."""

from collections.abc import Mapping

from launchyard.model.light import NamedTuple
from launchyard.slurm import jobvalues as of
from launchyard.slurm.jobvalues import Make


class JobField(NamedTuple):
    """`needs`: columns of the server's jobs table, with blanks between."""

    header: str
    needs: str
    make: Make


_F = JobField

FIELDS: Mapping[str, JobField] = {
    "account": _F("ACCOUNT", "account", of.text("account")),
    "accruetime": _F("ACCRUE_TIME", "eligible_at", of.when("eligible_at")),
    "admin_comment": _F("ADMIN_COMMENT", "metadata", of.kept("slurm.admin_comment")),
    "allocnodes": _F("ALLOC_NODES", "metadata", of.kept("slurm.submit_host")),
    "allocsid": _F("ALLOC_SID", "", of.always("0")),
    "arrayjobid": _F("ARRAY_JOB_ID", of.IDS, of.array_id),
    "arraytaskid": _F("ARRAY_TASK_ID", of.IDS, of.array_index),
    "associd": _F("ASSOC_ID", "", of.always("0")),
    "batchflag": _F("BATCH_FLAG", "batch", of.flag("batch")),
    "batchhost": _F("EXEC_HOST", "nodes", of.batch_host),
    "boardspernode": _F("BOARDS_PER_NODE", "", of.always("0")),
    "burstbuffer": _F("BURST_BUFFER", "metadata", of.kept("slurm.bb")),
    "burstbufferstate": _F("BURST_BUFFER_STATE", "", of.always("(null)")),
    "cluster": _F("CLUSTER", "cluster", lambda facts: facts.clusters),
    "clusterfeature": _F("CLUSTER_FEATURES", "", of.always("(null)")),
    "command": _F("COMMAND", "metadata", of.kept("slurm.command")),
    "comment": _F("COMMENT", "metadata", of.kept("slurm.comment")),
    "contiguous": _F("CONTIGUOUS", "metadata", of.kept("slurm.contiguous", "0")),
    "container": _F("CONTAINER", "metadata", of.kept("slurm.container")),
    "containerid": _F("CONTAINER_ID", "metadata", of.kept("slurm.container-id")),
    "cores": _F("CORES_PER_SOCKET", "", of.always("*")),
    "corespec": _F("CORE_SPEC", "", of.always("N/A")),
    "cpus-per-task": _F("CPUS_PER_TASK", "cpus_asked_milli task_count", of.cpus_a_task),
    "cpus-per-tres": _F("CPUS_PER_TRES", "", of.always("N/A")),
    "cronjob": _F("CRON_JOB", "cron", of.cron_job),
    "deadline": _F("DEADLINE", "deadline_at", of.when("deadline_at")),
    "delayboot": _F("DELAY_BOOT", "", of.always("0:00")),
    "dependency": _F("DEPENDENCY", "dependency reason_scope state", of.dependency),
    "derivedec": _F("DERIVED_EC", "", of.always("0")),
    "eligibletime": _F("ELIGIBLE_TIME", "eligible_at", of.when("eligible_at")),
    "endtime": _F("END_TIME", f"{of.STARTS} ended_at time_limit_s", of.end_time),
    "excnodes": _F("EXC_NODES", "exclude", of.words("exclude")),
    "exit_code": _F("EXIT_CODE", "exit_code signal", of.exit_status),
    "feature": _F("FEATURES", "constraint", of.text("constraint")),
    "groupid": _F("GROUP", "uid", of.group_id),
    "groupname": _F("GROUP", "uid", of.group_name),
    "hetjobid": _F("HET_JOB_ID", "part_of", of.of_parts(lambda job, *_: str(job))),
    "hetjoboffset": _F("HET_JOB_OFFSET", "part_of", of.of_parts(lambda _, part, __: str(part))),
    "hetjobidset": _F("HET_JOB_ID_SET", "part_of", of.of_parts(lambda job, _, n: f"{job}-{job + n - 1}")),
    "jobarrayid": _F("JOBID", of.IDS, of.shown_id),
    "jobid": _F("JOBID", "id", of.whole("id")),
    "lastschedeval": _F("LAST_SCHED_EVAL", "eligible_at", of.when("eligible_at")),
    "licenses": _F("LICENSES", "licences", of.licences),
    "licensesalloc": _F("LICENSES_ALLOC", "licences", of.licences),
    "maxcpus": _F("MAX_CPUS", "cpus_milli", of.cpus),
    "maxnodes": _F("MAX_NODES", "nodes_max", of.whole("nodes_max")),
    "mcslabel": _F("MCSLABEL", "", of.always("(null)")),
    "mem-per-tres": _F("MEM_PER_TRES", "", of.always("N/A")),
    "mincpus": _F("MIN_CPUS", "cpus_asked_milli task_count metadata", of.cpus_a_node),
    "minmemory": _F("MIN_MEMORY", of.MEMORY, of.memory),
    "mintime": _F("TIME_MIN", "time_min_s", of.time_least),
    "mintmpdisk": _F("MIN_TMP_DISK", "metadata", of.kept("slurm.tmp", "0")),
    "name": _F("NAME", "name", of.text("name")),
    "network": _F("NETWORK", "metadata", of.kept("slurm.network")),
    "nice": _F("NICE", "nice", of.whole("nice")),
    "nodelist": _F("NODELIST", "nodelist", of.text("nodelist", "")),
    "ntperboard": _F("NTASKS_PER_BOARD", "", of.always("0")),
    "ntpercore": _F("NTASKS_PER_CORE", "", of.always("N/A")),
    "ntpernode": _F("NTASKS_PER_NODE", "tasks_per_node", of.whole("tasks_per_node")),
    "ntpersocket": _F("NTASKS_PER_SOCKET", "", of.always("N/A")),
    "numcpus": _F("CPUS", "cpus_milli", of.cpus),
    "numnodes": _F("NODES", "node_count", of.whole("node_count")),
    "numtasks": _F("TASKS", "task_count", of.whole("task_count")),
    "origin": _F("ORIGIN", "", of.always("NA")),
    "originraw": _F("ORIGIN_RAW", "", of.always("NA")),
    "oversubscribe": _F("OVER_SUBSCRIBE", "exclusive", of.shared),
    "partition": _F("PARTITION", "partition", of.text("partition")),
    "pendingtime": _F("PENDING_TIME", "started_at submitted_at", of.waited),
    "preempttime": _F("PREEMPT_TIME", "", of.always("N/A")),
    "prefer": _F("PREFER", "metadata", of.kept("slurm.prefer")),
    "priority": _F("PRIORITY", "priority", of.priority_part),
    "prioritylong": _F("PRIORITY", "priority", of.whole("priority")),
    "profile": _F("PROFILE", "metadata", of.kept("slurm.profile", "NotSet")),
    "qos": _F("QOS", "qos", of.text("qos")),
    "reason": _F("REASON", of.WHY, of.reason),
    "reasonlist": _F("NODELIST(REASON)", f"{of.WHY} nodelist", of.nodes_or_reason),
    "reboot": _F("REBOOT", "", of.always("0")),
    "reqnodes": _F("REQ_NODES", "nodelist_asked", of.words("nodelist_asked")),
    "reqswitch": _F("REQ_SWITCH", "", of.always("0")),
    "requeue": _F("REQUEUE", "requeue", of.flag("requeue")),
    "reservation": _F("RESERVATION", "reservation", of.text("reservation")),
    "resizetime": _F("RESIZE_TIME", "", of.always("N/A")),
    "restartcnt": _F("RESTART_COUNT", "restarts", of.whole("restarts")),
    "schednodes": _F("SCHEDNODES", "", of.always("(null)")),
    "sct": _F("S:C:T", "", of.always("*:*:*")),
    "selectjobinfo": _F("", "", of.always("")),
    "siblingsactive": _F("ACTIVE_SIBLINGS", "", of.always("NA")),
    "siblingsactiveraw": _F("ACTIVE_SIBLINGS_RAW", "", of.always("NA")),
    "siblingsviable": _F("VIABLE_SIBLINGS", "", of.always("NA")),
    "siblingsviableraw": _F("VIALBLE_SIBLINGS_RAW", "", of.always("NA")),
    "sockets": _F("SOCKETS_PER_NODE", "", of.always("*")),
    "sperboard": _F("SOCKETS_PER_BOARD", "", of.always("0")),
    "starttime": _F("START_TIME", of.STARTS, of.start_time),
    "state": _F("STATE", "state", of.state_long),
    "statecompact": _F("ST", "state", of.state_compact),
    "stderr": _F("STDERR", "stderr_path", of.text("stderr_path", "")),
    "stdin": _F("STDIN", "metadata", of.kept("slurm.input", "/dev/null")),
    "stdout": _F("STDOUT", "stdout_path", of.text("stdout_path", "")),
    "submittime": _F("SUBMIT_TIME", "submitted_at", of.when("submitted_at")),
    "system_comment": _F("SYSTEM_COMMENT", "", of.always("(null)")),
    "threads": _F("THREADS_PER_CORE", "", of.always("*")),
    "timeleft": _F("TIME_LEFT", f"{of.TIMES} time_limit_s", of.time_left),
    "timelimit": _F("TIME_LIMIT", "time_limit_s", of.time_limit),
    "timeused": _F("TIME", of.TIMES, of.time_used),
    "tres-alloc": _F("TRES_ALLOC", of.TRES, of.tres),
    "tres-bind": _F("TRES_BIND", "", of.always("N/A")),
    "tres-freq": _F("TRES_FREQ", "", of.always("N/A")),
    "tres-per-job": _F("TRES_PER_JOB", of.GPUS, of.gpus_a_job),
    "tres-per-node": _F("TRES_PER_NODE", of.GPUS_A_NODE, of.gres),
    "tres-per-socket": _F("TRES_PER_SOCKET", of.GPUS_A_NODE, of.gpus_a_socket),
    "tres-per-task": _F("TRES_PER_TASK", of.GPUS_A_TASK, of.gpus_a_task),
    "userid": _F("UID", "uid", of.whole("uid")),
    "username": _F("USER", "user", of.text("user")),
    "wckey": _F("WCKEY", "metadata", of.kept("slurm.wckey")),
    "workdir": _F("WORK_DIR", "working_dir", of.text("working_dir")),
}

NAMES: Mapping[str, str] = {
    **{name: name for name in FIELDS if name != "excnodes"},
    "gres": "tres-per-node",
    "tres": "tres-alloc",
    "packjobid": "hetjobid",
    "packjoboffset": "hetjoboffset",
    "packjobidset": "hetjobidset",
}
"""What `-O` takes, in small letters."""

LETTERS: Mapping[str, str] = {
    **{"a": "account", "b": "tres-per-node", "c": "mincpus", "d": "mintmpdisk", "e": "endtime"},
    **{"f": "feature", "g": "groupname", "h": "oversubscribe", "i": "jobarrayid", "j": "name"},
    **{"k": "comment", "l": "timelimit", "m": "minmemory", "n": "reqnodes", "o": "command"},
    **{"p": "priority", "q": "qos", "r": "reason", "s": "selectjobinfo", "t": "statecompact"},
    **{"u": "username", "v": "reservation", "w": "wckey", "x": "excnodes", "y": "nice", "z": "sct"},
    **{"A": "jobid", "B": "batchhost", "C": "numcpus", "D": "numnodes", "E": "dependency"},
    **{"F": "arrayjobid", "G": "groupid", "H": "sockets", "I": "cores", "J": "threads"},
    **{"K": "arraytaskid", "L": "timeleft", "M": "timeused", "N": "nodelist", "O": "contiguous"},
    **{"P": "partition", "Q": "prioritylong", "R": "reasonlist", "S": "starttime", "T": "state"},
    **{"U": "userid", "V": "submittime", "W": "licenses", "X": "corespec", "Y": "schednodes"},
    **{"Z": "workdir"},
}
"""What `-o` takes, in the order of `%all`."""

HEADERS = {name: field.header for name, field in FIELDS.items()}


def needs(names: list[str]) -> list[str]:
    """The server's columns that these fields are made of, each once."""
    return list(dict.fromkeys(column for name in names for column in FIELDS[name].needs.split()))

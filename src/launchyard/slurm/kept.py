"""What Slurm's commands show of a submission and a job here has no place for: keys of its metadata.

An option that is kept is `slurm.` and its long name with the value as it was given ("1" without one).
"""

PREFIX = "slurm."

COMMAND = "slurm.command"
"""The script's path (absolute); none of `--wrap` and standard input."""
SUBMIT_LINE = "slurm.submit-line"
"""The command line by which it was submitted."""
SUBMIT_HOST = "slurm.submit_host"
"""The machine on which it was submitted."""
SUBMIT_DIR = "slurm.submit-dir"
"""The directory in which it was submitted; it may run in another."""
SESSION = "slurm.sid"
"""The session id of who submitted it."""
UMASK = "slurm.umask"
"""The umask of who submitted it, octal."""
LIMITS = "slurm.rlimits"
"""Soft limits of the shell it was submitted from: `NOFILE=1024,STACK=8388608`; -1 is unlimited."""
CRON = "slurm.cron"
"""The times of a job that comes of a crontab."""
MAIL_TYPE, MAIL_USER = "slurm.mail-type", "slurm.mail-user"

SHOWN = (
    *(COMMAND, SUBMIT_HOST, MAIL_USER, "slurm.admin_comment", "slurm.comment", "slurm.container"),
    *("slurm.container-id", "slurm.extra", "slurm.input", "slurm.ntasks-per-node", "slurm.wckey"),
)
"""Keys that the table of jobs has as columns: what is shown of all jobs at once, without the rest."""

_KEPT = frozenset(
    (
        *("acctg-freq", "batch", "bb", "bbf", "cluster-constraint", "comment", "consolidate-segments"),
        *("container", "container-id", "contiguous", "core-spec", "cores-per-socket", "cpu-freq"),
        *("cpus-per-gpu", "cpus-per-task", "delay-boot", "distribution", "exclusive", "export", "extra"),
        *("extra-node-info", "get-user-env", "gpu-bind", "gpu-freq", "gpus", "gpus-per-node"),
        *("gpus-per-socket", "gpus-per-task", "gres", "gres-flags", "hint", "input", "kill-on-invalid-dep"),
        *("mail-type", "mail-user", "mcs-label", "mem", "mem-bind", "mem-per-cpu", "mem-per-gpu"),
        *("mem-update", "mincpus", "network", "no-kill", "nodes", "ntasks", "ntasks-per-core"),
        *(
            "ntasks-per-gpu",
            "ntasks-per-node",
            "ntasks-per-socket",
            "ntasks-per-tres",
            "oom-kill-step",
            "overcommit",
        ),
        *("oversubscribe", "partition", "power", "prefer", "priority", "profile", "propagate", "reboot"),
        *("resources", "resv-ports", "runtime", "segment", "sockets-per-node", "spread-job"),
        *("spread-segments", "stepmgr", "switches", "thread-spec", "threads-per-core", "tmp", "tres-bind"),
        *("tres-per-task", "use-min-nodes", "wait-all-nodes", "wckey"),
    )
)
"""Options whose text is kept, with effect (`ntasks`: what a script finds in its environment) or without."""


def shown_kept(option: str) -> str | None:
    """The key for an option that is kept."""
    return PREFIX + option if option in _KEPT else None

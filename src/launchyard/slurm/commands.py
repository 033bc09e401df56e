"""The names of Slurm's commands that there are."""

COMMANDS = (
    *("sacct", "sacctmgr", "salloc", "sattach", "sbatch", "sbcast", "scancel", "scontrol", "scrontab"),
    *("sdiag", "seff", "sinfo", "sprio", "squeue", "sreport", "srun", "sshare", "sstat", "strigger"),
)

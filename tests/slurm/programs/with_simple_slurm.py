"""simple-slurm's own first example: an array with dates, formats and a timedelta, submitted from Python."""

import datetime
import sys

from simple_slurm import Slurm  # type: ignore[import-not-found]

slurm = Slurm(
    array=range(3, 12, 4),
    cpus_per_task=1,
    job_name="name",
    dependency={"after": sys.argv[1]},
    mem="100M",
    output=f"{Slurm.JOB_ARRAY_MASTER_ID}_{Slurm.JOB_ARRAY_ID}.out",
    time=datetime.timedelta(days=0, hours=1, minutes=2, seconds=3),
)
print(slurm.sbatch("echo task " + Slurm.SLURM_ARRAY_TASK_ID))

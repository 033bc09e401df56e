"""The story that both clusters live through before they are asked: every way in which a job can be or end.

One line a job: its label, who submits it, the command. `UNTIL` waits: labels and the state that each reaches.
A label in braces in a later line is that job's id. Nothing moves any more when the story is over, until
somebody does something; the jobs that run keep running for an hour, each on a node named here.
"""

FILES = {
    "steps.sh": "#!/bin/bash\n#SBATCH -J steps -n 2\n#SBATCH --comment='two steps' -o steps-%j.out\n"
    "srun -n 2 true\nsrun -n 2 -J second sleep 1\nsrun -n 2 bash -c 'exit 4'\nexit 0\n",
    "again.sh": '#!/bin/sh\n[ -n "$SLURM_RESTART_COUNT" ] && exit 0\nsleep 600\n',
    "late.sh": "#!/bin/sh\n#SBATCH --time=10\necho first\n#SBATCH --job-name=nottaken\ntrue\n",
    "noshebang.sh": "echo hello\n",
    "empty.sh": "",
    "many.conf": "0 echo zero\n1-2 echo %t %o\n3 sh -c 'exit 3'\n",
}
"""Files in the directory where everything is submitted, by name."""

UNTIL = "until"

HISTORY: tuple[tuple[str, str, str], ...] = (
    # What ends, in every way.
    ("timed", "ada", "sbatch -J timed -t 1 --wrap 'exec sleep 600'"),
    ("again", "ada", "sbatch -J again --requeue again.sh"),
    ("broke", "ada", "sbatch -J broke -w n1 --requeue again.sh"),
    ("fail3", "ada", "sbatch --wrap='exit 3' -J fail3"),
    ("sig9", "ada", "sbatch --wrap='kill -9 $$' -J sig9"),
    ("sigterm", "ada", "sbatch --wrap='kill -TERM $$' -J sigterm"),
    ("tasks", "ada", "sbatch --array=1-3 -J tasks --wrap='exit $((SLURM_ARRAY_TASK_ID == 2))'"),
    ("depnot", "ada", "sbatch -d afternotok:{fail3} --wrap=true -J depnot"),
    ("steps", "ada", "sbatch steps.sh"),
    ("gpu", "ada", "sbatch -J gpu --gres=gpu:1 --comment='on a gpu' --wrap 'sleep 2'"),
    ("other", "li", "sbatch -J other -n2 -q high --wrap 'sleep 1'"),
    ("waited", "ada", "sbatch --wait -J waited --wrap 'exit 5'"),
    ("ranks", "ada", "srun -Q -n2 -l -J ranks echo hello"),
    ("seven", "ada", "srun -Q -J seven bash -c 'exit 7'"),
    ("segv", "ada", "srun -Q -J segv bash -c 'kill -SEGV $$'"),
    ("alloc", "ada", "salloc -n1 -J alloc bash -c 'srun hostname; srun false'"),
    ("stopped", "ada", "sbatch -J stopped --wrap 'exec sleep 600'"),
    ("unstarted", "ada", "sbatch -H -J unstarted --wrap true"),
    (UNTIL, "running", "again broke stopped"),
    ("", "ada", "scontrol requeue {again}"),
    ("", "ada", "scontrol requeuehold {broke}"),
    ("", "ada", "scancel {stopped}"),
    ("", "ada", "scancel {unstarted}"),
    (UNTIL, "ended", "timed again fail3 sig9 sigterm tasks depnot steps gpu other waited stopped unstarted"),
    # What runs.
    ("long", "ada", "sbatch --wrap='sleep 3600' -J long -n2 -t 100 -w n1 --gpus-per-node=fake:1"),
    ("arr", "ada", "sbatch --array=0-9:3%2 --wrap='sleep 3600' -J arr -w n2"),
    ("lic1", "ada", "sbatch -L matlab:3 --wrap='sleep 3600' -J lic1 -w n1"),
    ("single1", "li", "sbatch -d singleton --wrap='sleep 3600' -J single -w n2"),
    ("excl", "ada", "sbatch --exclusive -n4 --wrap='srun -n4 sleep 3600 || exec sleep 3600' -J excl -w n3"),
    (UNTIL, "running", "long lic1 single1 excl"),
    # What waits, for every reason.
    ("held", "ada", "sbatch --parsable -H --wrap=true -J held"),
    ("never", "ada", "sbatch -d afterok:{fail3} --wrap=true -J never"),
    ("dep", "ada", "sbatch -d afterok:{long},afterany:{excl} --wrap=true -J dep"),
    ("single2", "li", "sbatch -d singleton --wrap='sleep 30' -J single"),
    ("later", "ada", "sbatch -b now+5hour -p short --wrap=true -J later"),
    ("lic2", "ada", "sbatch -L ansys,matlab:3 --wrap='sleep 30' -J lic2"),
    ("named", "ada", "sbatch -H -J 'a name with spaces and more' --comment 'said so' --nice=50 --wrap=true"),
    ("harr", "ada", "sbatch -H --array=1-5,8,10-20:5%3 -J harr -n2 -c1 --mem-per-cpu=50 -t 0-2 --wrap=true"),
    (
        "full",
        "ada",
        "sbatch -H -N1 --ntasks-per-node=2 --mem=1G -C lab -x n3 -J full -e e.%j -o o.%j late.sh a b",
    ),
    (UNTIL, "waiting", "held never dep single2 later lic2 named harr full broke"),
)

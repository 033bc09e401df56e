"""The options of srun, and the variables that stand for them."""

from collections.abc import Mapping

from launchyard.cli.slurm.arguments import Given, options
from launchyard.cli.slurm.main import Refused
from launchyard.model.light import NamedTuple

OF_ALLOCATIONS = """
account acctg-freq bb bbf begin chdir cluster-constraint clusters comment constraint container container-id
core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot dependency distribution
exclude extra extra-node-info gid gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket gpus-per-task gres
gres-flags hint job-name licenses mail-type mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mincpus
network nodefile nodelist nodes ntasks ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket
partition power prefer priority profile qos reservation segment signal sockets-per-node switches thread-spec
threads-per-core time time-min tmp tres-bind tres-per-task uid wckey
"""
"""Those with a value that srun, salloc and sbatch have in common."""
FLAGS_OF_ALLOCATIONS = """
contiguous help hold overcommit oversubscribe quiet reboot spread-job stepmgr usage use-min-nodes verbose
version
"""
MAYBE_OF_ALLOCATIONS = "exclusive immediate nice no-kill oom-kill-step propagate resv-ports x11"
LETTERS = """
A:account b:begin D:chdir M:clusters C:constraint S:core-spec c:cpus-per-task d:dependency m:distribution
x:exclude B:extra-node-info G:gpus h:help H:hold I:immediate J:job-name L:licenses k:no-kill F:nodefile
w:nodelist N:nodes n:ntasks O:overcommit s:oversubscribe p:partition q:qos Q:quiet t:time v:verbose V:version
"""
SRUN = options(
    value=OF_ALLOCATIONS
    + """
    accel-bind bcast-exclude cpu-bind epilog error export export-file het-group input jobid mpi msg-timeout
    open-mode output prolog relative slurmd-debug task-epilog task-prolog threads treewidth wait""",
    nothing=FLAGS_OF_ALLOCATIONS
    + """
    async disable-status exact external-launcher ignore-signals label multi-prog no-allocate overlap
    preserve-env pty quit-on-interrupt test-only unbuffered wait-for-children""",
    maybe=MAYBE_OF_ALLOCATIONS + " bcast compress kill-on-bad-exit send-libs",
    letters=LETTERS
    + """
    X:disable-status e:error i:input K:kill-on-bad-exit l:label Z:no-allocate o:output E:preserve-env
    r:relative T:threads u:unbuffered W:wait""",
)

VARIABLES = {
    "chdir": ("SLURM_WORKING_DIR", "SLURM_REMOTE_CWD"),
    "cpu-bind": ("SLURM_CPU_BIND",),
    "cpus-per-task": ("SRUN_CPUS_PER_TASK",),
    "disable-status": ("SLURM_DISABLE_STATUS",),
    "distribution": ("SLURM_DISTRIBUTION",),
    "error": ("SRUN_ERROR", "SLURM_STDERRMODE"),
    "exact": ("SLURM_EXACT",),
    "export": ("SRUN_EXPORT_ENV", "SLURM_EXPORT_ENV"),
    "gpus-per-task": ("SLURM_GPUS_PER_TASK",),
    "gres": ("SLURM_STEP_GRES",),
    "immediate": ("SLURM_IMMEDIATE",),
    "input": ("SRUN_INPUT", "SLURM_STDINMODE"),
    "jobid": ("SLURM_JOB_ID", "SLURM_JOBID"),
    "kill-on-bad-exit": ("SLURM_KILL_BAD_EXIT",),
    "label": ("SRUN_LABELIO", "SLURM_LABELIO"),
    "mpi": ("SLURM_MPI_TYPE",),
    "ntasks": ("SLURM_NTASKS", "SLURM_NPROCS"),
    "ntasks-per-node": ("SLURM_NTASKS_PER_NODE",),
    "open-mode": ("SRUN_OPEN_MODE", "SLURM_OPEN_MODE"),
    "output": ("SRUN_OUTPUT", "SLURM_STDOUTMODE"),
    "overcommit": ("SLURM_OVERCOMMIT",),
    "overlap": ("SLURM_OVERLAP",),
    "unbuffered": ("SRUN_UNBUFFEREDIO", "SLURM_UNBUFFEREDIO"),
    "wait": ("SLURM_WAIT",),
}
"""What a step takes from the environment, the first that is set; allocations have more."""
_NO = ("", "0", "no", "false", "off")
COUNT_MAX = 1_000_000


class Choices(NamedTuple):
    """What was given on the command line and by variables."""

    given: Given
    environ: Mapping[str, str]

    def named(self, name: str) -> bool:
        """Whether the command line has it."""
        return bool(self.given.count(name))

    def text(self, name: str) -> str | None:
        """The value, that of the command line before the variable's."""
        if self.named(name):
            return self.given.last(name)
        return next((self.environ[one] for one in VARIABLES.get(name, ()) if self.environ.get(one)), None)

    def flag(self, name: str) -> bool:
        """Given, and not as a no."""
        value = self.text(name)
        if self.named(name) and value == "":
            return True
        return value is not None and value.lower() not in _NO

    def number(self, name: str) -> int | None:
        """A whole number. Raises `Refused` in Slurm's words."""
        value = self.text(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit()) or len(value) > 9 or int(value) > COUNT_MAX:
            raise Refused(f'error: Invalid numeric value "{value}" for --{name}.')
        return int(value)

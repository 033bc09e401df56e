"""Options by variable (SBATCH_TIMELIMIT stands for --time), and the variables that go along with a job."""

import importlib
import os
from collections.abc import Mapping

from launchyard.slurm.exports import exported
from launchyard.slurm.options import NOTHING, SBATCH

_NAMED = {
    "SBATCH_ARRAY_INX": "array",
    "SBATCH_DEBUG": "verbose",
    "SBATCH_JOB_NAME": "job-name",
    "SBATCH_MEM_PER_NODE": "mem",
    "SBATCH_REQ_SWITCH": "switches",
    "SBATCH_SEGMENT_SIZE": "segment",
    "SBATCH_TIMELIMIT": "time",
}
_AS_OPTIONS = """
ACCOUNT ACCTG_FREQ BATCH CLUSTERS CONSTRAINT CONTAINER CONTAINER_ID CORE_SPEC CPUS_PER_GPU DELAY_BOOT
DISTRIBUTION ERROR EXCLUSIVE EXPORT GET_USER_ENV GPU_BIND GPU_FREQ GPUS GPUS_PER_NODE GPUS_PER_TASK GRES
GRES_FLAGS HINT IGNORE_PBS INPUT MEM_BIND MEM_PER_CPU MEM_PER_GPU NETWORK NO_KILL NO_REQUEUE OPEN_MODE OUTPUT
OVERCOMMIT PARTITION POWER PROFILE QOS REQUEUE RESERVATION RUNTIME SIGNAL SPREAD_JOB THREAD_SPEC
THREADS_PER_CORE TRES_BIND TRES_PER_TASK USE_MIN_NODES WAIT WAIT_ALL_NODES WCKEY
"""
VARIABLES: Mapping[str, str] = {
    **{f"SBATCH_{name}": name.lower().replace("_", "-") for name in _AS_OPTIONS.split()},
    **_NAMED,
}
SECRETS = ("LAUNCHYARD_TOKEN",)
"""Variables that are the caller's alone and never carried into a job."""
_OF_A_JOB = (
    *("SLURM_JOB", "SLURM_ARRAY_", "SLURM_STEP", "SLURM_NTASKS", "SLURM_NPROCS", "SLURM_CPUS_", "SLURM_MEM_"),
    *("SLURM_GPUS", "SLURM_TASK", "SLURM_NODE", "SLURM_NNODES", "SLURM_PROCID", "SLURM_LOCALID"),
    *("SLURM_GTIDS", "SLURM_RESTART_COUNT", "SLURM_EXPORT_ENV", "SLURM_OVERCOMMIT", "SLURM_SRUN_"),
    *("SLURM_LAUNCH_", "SLURM_HET_", "SLURM_CPU_BIND", "SLURM_UMASK", "SLURM_PRIO_PROCESS", "SLURMD_"),
)
"""What a job knows of itself: submitted from inside a job, another one must not inherit it."""


def by_variables(environ: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """What the environment asks for; an empty variable asks for nothing unless the option takes no value."""
    return [
        (option, None if SBATCH.names[option] == NOTHING else environ[variable])
        for variable, option in VARIABLES.items()
        if variable in environ and (environ[variable] or SBATCH.names[option] == NOTHING)
    ]


def variables_of(
    export: str | None, export_file: str | None, login: Mapping[str, str] | None, environ: Mapping[str, str]
) -> dict[str, str]:
    """What a job gets along: as `--export` says, else those of `--export-file`, over those of a login."""
    own = {name: value for name, value in environ.items() if not name.startswith(_OF_A_JOB)}
    chosen = exported(export, own) if export_file is None or export else {}
    if export is not None and export.upper() in ("NONE", "NIL"):
        chosen = {}
    if export_file is not None:
        chosen = {**chosen, **read_variables(export_file)}
    every = {**(login or {}), **chosen}
    return {name: value for name, value in every.items() if name not in SECRETS and _is_text(name, value)}


def read_variables(path: str) -> dict[str, str]:
    """`NAME=value`, each with a NUL at its end; `path` may be the number of an open file."""
    if path.isdigit():
        with open(int(path), "rb", closefd=False) as file:
            data = file.read()
    else:
        with open(path, "rb") as file:
            data = file.read()
    pairs = (one.partition(b"=") for one in data.split(b"\0"))
    return {os.fsdecode(name).strip("\n"): os.fsdecode(value) for name, equals, value in pairs if equals}


def login_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Those of a login shell of the caller's, within some seconds; none when it does not say."""
    subprocess = importlib.import_module("subprocess")
    shell = environ.get("SHELL", "/bin/sh")
    bare = {name: environ[name] for name in ("HOME", "USER", "LOGNAME", "SHELL", "TERM") if name in environ}
    try:
        done = subprocess.run(
            [shell, "-l", "-c", "env -0"], env=bare, capture_output=True, timeout=8, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    pairs = (os.fsdecode(one).partition("=") for one in done.stdout.split(b"\0"))
    skipped = ("_", "SHLVL", "PWD", "OLDPWD")
    return {name: value for name, equals, value in pairs if equals and name not in skipped}


def _is_text(name: str, value: str) -> bool:
    """Bytes that are not UTF-8 cannot be sent; names are not empty and hold no `=`."""
    try:
        (name + value).encode()
    except UnicodeEncodeError:
        return False
    return bool(name)

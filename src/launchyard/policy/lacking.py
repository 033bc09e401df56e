"""What a job needs that its engine may lack: refused at once, with the sentence that the engine declares."""

from collections.abc import Iterator

from launchyard.model.ability import Abilities, Lack
from launchyard.model.errors import Infeasible
from launchyard.model.job import Job, JobKind
from launchyard.model.raycluster import asks, is_driver
from launchyard.model.resources import WHOLE_GPU_MILLI


def refuse_lacking(job: Job, abilities: Abilities, *, runtime_env: bool) -> None:
    """Raises `Infeasible` for the first thing that the engine of the job's cluster cannot do."""
    if not abilities.lacks:
        return
    for lack in needs(job, runtime_env=runtime_env):
        if lack is Lack.RAY and abilities.joins_ray and not is_driver(job) and job.session is None:
            continue
        if (sentence := abilities.lacks.get(lack)) is not None:
            raise Infeasible(f"cluster {job.cluster} cannot run this: {sentence}", code="engine-lacks")


def needs(job: Job, *, runtime_env: bool) -> Iterator[Lack]:
    """What it needs of the things that not every engine can do; steps of a job's own script show only when
    they are asked for, those of an allocation are what it is for."""
    if job.terminal:
        yield Lack.TERMINAL
    if job.parts:
        yield Lack.UNLIKE_PARTS
    if job.request.cpus_milli % 1000 or job.request.gpu_milli != WHOLE_GPU_MILLI:
        yield Lack.PARTS_OF_CPUS
    if job.request.nodes > 1:
        yield Lack.NODES
    if asks(job):
        yield Lack.RAY
    elif job.kind is JobKind.DRIVER:
        yield Lack.STEPS
    if job.session is not None:
        yield Lack.SESSION
    if runtime_env:
        yield Lack.RUNTIME_ENV


def refuse_steps(job: Job, abilities: Abilities) -> None:
    """Raises `Infeasible` for a step where there can be none."""
    if (sentence := abilities.lacks.get(Lack.STEPS)) is not None:
        raise Infeasible(f"cluster {job.cluster} cannot run this: {sentence}", code="engine-lacks")

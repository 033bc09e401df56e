"""What an engine cannot do is refused at submission, with its own sentence."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from launchyard.engine.ray.engine import LACKS as OF_RAY
from launchyard.engine.slurm.engine import LACKS as OF_SLURM
from launchyard.model.ability import EVERYTHING, Abilities, Lack
from launchyard.model.errors import Infeasible
from launchyard.model.job import Job, JobKind
from launchyard.model.resources import Part, Request
from launchyard.model.session import Session
from launchyard.policy.lacking import needs, refuse_lacking

PLAIN = Job(id=1, name="job", kind=JobKind.BATCH, user="ada", uid=1000, partition="main", submitted_at=0.0)
NEEDING: Mapping[Lack, Job] = {
    Lack.TERMINAL: replace(PLAIN, terminal=True),
    Lack.STEPS: replace(PLAIN, kind=JobKind.DRIVER),
    Lack.UNLIKE_PARTS: replace(PLAIN, parts=(Part(partition="main", request=Request()),)),
    Lack.PARTS_OF_CPUS: replace(PLAIN, request=Request(cpus_milli=500)),
    Lack.NODES: replace(PLAIN, request=Request(nodes=2)),
    Lack.RAY: replace(PLAIN, metadata={"launchyard.ray": "true"}),
    Lack.SESSION: replace(PLAIN, session=Session(app="jupyter", folder="/opt/apps/jupyter", title="Jupyter")),
}


@pytest.mark.parametrize("lack", NEEDING)
def test_job_that_needs_what_the_engine_lacks_is_refused_with_the_sentence_of_the_engine(lack: Lack) -> None:
    sentence = f"it has no {lack.value}; take another cluster"
    with pytest.raises(Infeasible, match=sentence):
        refuse_lacking(NEEDING[lack], Abilities(lacks={lack: sentence}), runtime_env=False)


@pytest.mark.parametrize("lacks", [OF_SLURM, OF_RAY], ids=["slurm", "ray"])
def test_every_sentence_of_an_engine_is_what_somebody_is_refused_with(lacks: Mapping[Lack, str]) -> None:
    said = []
    for lack in lacks:
        with pytest.raises(Infeasible) as refused:
            refuse_lacking(NEEDING[lack], Abilities(lacks=lacks), runtime_env=False)
        said.append(str(refused.value).partition(" cannot run this: ")[2])
    assert said == list(lacks.values())


def test_half_a_gpu_is_a_part_too() -> None:
    job = replace(PLAIN, request=Request(gpus=1, gpu_milli=500))
    assert list(needs(job, runtime_env=False)) == [Lack.PARTS_OF_CPUS]


def test_runtime_environment_is_refused_where_none_can_be_set_up() -> None:
    with pytest.raises(Infeasible, match="no packages there"):
        refuse_lacking(PLAIN, Abilities(lacks={Lack.RUNTIME_ENV: "no packages there"}), runtime_env=True)


def test_plain_job_needs_nothing_and_an_engine_that_can_do_everything_takes_all() -> None:
    assert list(needs(PLAIN, runtime_env=False)) == []
    for job in NEEDING.values():
        refuse_lacking(job, EVERYTHING, runtime_env=True)


def test_there_are_no_more_than_eight_things_that_an_engine_may_lack() -> None:
    assert len(Lack) <= 8


def test_job_that_asks_for_ray_is_taken_where_it_joins_the_cluster_itself_unless_it_is_for_clients() -> None:
    joins = Abilities(lacks={Lack.RAY: "no cluster of its own"}, joins_ray=True)
    asking = NEEDING[Lack.RAY]
    refuse_lacking(asking, joins, runtime_env=False)
    with pytest.raises(Infeasible, match="no cluster of its own"):
        refuse_lacking(replace(asking, kind=JobKind.DRIVER), joins, runtime_env=False)
    session = replace(asking, session=NEEDING[Lack.SESSION].session)
    with pytest.raises(Infeasible, match="no cluster of its own"):
        refuse_lacking(session, joins, runtime_env=False)

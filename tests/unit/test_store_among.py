"""Jobs of an account among very many others, found part by part."""

from dataclasses import replace

from launchyard.model.change import Change
from launchyard.model.job import Job
from launchyard.model.sight import Sight
from launchyard.store.among import READ_AT_ONCE, among
from launchyard.store.memory import MemoryStore
from launchyard.store.protocol import JobQuery
from tests.api_bench import ADA, job_of

MANY = 2 * READ_AT_ONCE + 10


def test_the_few_of_an_account_are_found_behind_many_of_others() -> None:
    store = MemoryStore()
    of_physics = {7, READ_AT_ONCE, READ_AT_ONCE + 1, MANY}
    jobs = [job_of(ADA, n, account="physics" if n in of_physics else None) for n in range(1, MANY + 1)]
    store.commit([Change(seq=1, jobs=tuple(jobs))])
    bob = JobQuery(sight=Sight(user="bob", accounts=frozenset({"physics"})))
    asked: list[JobQuery] = []

    def counted(query: JobQuery) -> list[Job]:
        asked.append(query)
        return store.jobs(query)

    assert [job.id for job in among(counted, bob)] == sorted(of_physics, reverse=True)
    assert len(asked) == 3
    assert [job.id for job in among(store.jobs, replace(bob, limit=2))] == [MANY, READ_AT_ONCE + 1]
    assert [job.id for job in among(store.jobs, replace(bob, limit=2, before_id=READ_AT_ONCE + 1))] == [
        READ_AT_ONCE,
        7,
    ]

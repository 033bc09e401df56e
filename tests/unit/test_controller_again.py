"""Jobs that run again under their own id, and jobs that an administrator holds."""

import pytest

from launchyard.controller.controller import JobRef
from launchyard.engine.fake import Obedience
from launchyard.model.errors import Conflict, Forbidden, NotFound
from launchyard.model.state import JobState
from launchyard.model.submission import Update
from tests.unit.test_controller import lives
from tests.unit.yard import ADA, BOB, ROOT, running_yard

S = JobState


@lives
async def test_an_ended_job_waits_again_and_keeps_how_it_ended() -> None:
    async with running_yard(obedience=Obedience.COMPLETE) as yard:
        job = await yard.submit()
        await yard.until_ended(job.id)

        waiting = await yard.controller.requeue(ADA, yard.ref(job.id), held=True, even_ended=True)

        assert (waiting.state, waiting.held, waiting.id) == (S.PENDING, True, job.id)
        assert [past.state for past in waiting.past] == [S.COMPLETED]
        await yard.controller.release(ADA, yard.ref(job.id))
        await yard.until(lambda: yard.job(job.id).attempts == 2 and yard.job(job.id).ended)


@lives
async def test_only_who_asks_for_it_gets_an_ended_job_back() -> None:
    async with running_yard(obedience=Obedience.COMPLETE) as yard:
        job = await yard.submit()
        await yard.until_ended(job.id)
        await yard.until(lambda: yard.controller.live_job(job.id) is None)

        with pytest.raises(Conflict, match="has ended"):
            await yard.controller.requeue(ADA, yard.ref(job.id))
        with pytest.raises(NotFound):
            await yard.controller.requeue(BOB, yard.ref(job.id), even_ended=True)
        with pytest.raises(NotFound):
            await yard.controller.requeue(ADA, JobRef(job_id=999), even_ended=True)


@lives
async def test_what_an_administrator_holds_only_one_releases() -> None:
    async with running_yard() as yard:
        job = await yard.submit(held=True)
        await yard.controller.hold(ROOT, yard.ref(job.id))

        with pytest.raises(Forbidden, match="held by an administrator"):
            await yard.controller.release(ADA, yard.ref(job.id))
        assert (reason := yard.controller.reason(job.id)) is not None
        assert (reason.code, reason.scope) == ("held", "admin")

        await yard.controller.hold(ROOT, yard.ref(job.id), as_user=True)
        assert not (await yard.controller.release(ADA, yard.ref(job.id))).held


@lives
async def test_what_is_only_kept_of_a_job_is_changed_also_while_it_runs() -> None:
    async with running_yard() as yard:
        job = await yard.submit(metadata={"slurm.comment": "old", "mine": "1"})
        await yard.until_state(job.id, S.RUNNING)

        changed = await yard.controller.update(
            ADA, yard.ref(job.id), Update(metadata={"slurm.comment": "new", "mine": ""}, requeue=True)
        )

        assert (dict(changed.metadata), changed.requeue) == ({"slurm.comment": "new"}, True)

"""Jobs without CPUs run beside a full machine, and each user has so many of them; on the fake engine."""

from launchyard.model.array import parse_indexes
from launchyard.model.job import JobKind
from launchyard.model.raycluster import driver_id
from launchyard.model.state import JobState
from launchyard.store.memory import MemoryStore
from tests.unit.test_controller import lives
from tests.unit.yard import ADA, BOB, running_yard

S = JobState


@lives
async def test_driver_runs_on_a_full_machine_so_that_it_can_wait_for_its_own_jobs() -> None:
    async with running_yard() as yard:
        full = await yard.submit(cpus_milli=2000, memory_mib=100)
        await yard.until_state(full.id, S.RUNNING)
        driver = await yard.submit(cpus_milli=0)
        await yard.until_state(driver.id, S.RUNNING)
        assert driver.request.memory_mib == 64
        assert yard.engine.launches[-1].cpu_ids == ()


@lives
async def test_drivers_beyond_the_cap_wait_and_say_so_and_follow_in_turn() -> None:
    async with running_yard(zero_cpu_jobs_max=2) as yard:
        drivers = [await yard.submit(cpus_milli=0) for _ in range(4)]
        bobs = await yard.submit(BOB, cpus_milli=0)
        await yard.until_state(bobs.id, S.RUNNING)
        await yard.until_state(drivers[1].id, S.RUNNING)
        assert [yard.state(one.id) for one in drivers[2:]] == [S.PENDING] * 2
        reason = yard.controller.reason(drivers[2].id)
        assert reason is not None
        assert reason.sentence == "waits because user ada has 2 of 2 jobs without CPUs at work"
        yard.engine.finish(yard.launch_id(drivers[0].id))
        await yard.until_state(drivers[2].id, S.RUNNING)
        assert yard.state(drivers[3].id) is S.PENDING


@lives
async def test_held_driver_leaves_its_place_to_the_next() -> None:
    async with running_yard(zero_cpu_jobs_max=1) as yard:
        await yard.submit(cpus_milli=0)
        held = await yard.submit(cpus_milli=0)
        await yard.controller.hold(ADA, yard.ref(held.id))
        last = await yard.submit(cpus_milli=0)
        yard.engine.finish(await yard.until_launched(1))
        await yard.until_state(last.id, S.RUNNING)
        assert yard.state(held.id) is S.PENDING


@lives
async def test_cap_holds_for_the_tasks_of_an_array_and_over_a_restart() -> None:
    store = MemoryStore()
    async with running_yard(zero_cpu_jobs_max=3, store=store) as yard:
        array = await yard.submit(cpus_milli=0, indexes=parse_indexes("1-9")[0])
        await yard.until(lambda: len(yard.engine.running) == 3)
        engine = yard.engine
    async with running_yard(zero_cpu_jobs_max=3, store=store, engine=engine) as yard:
        most = 0
        while not yard.job(array.id).ended:
            await yard.until(lambda: bool(engine.running) or yard.job(array.id).ended)
            most = max(most, len(engine.running))
            for launch_id in list(engine.running)[:1]:
                engine.finish(launch_id)
        assert most == 3
        assert yard.job(array.id).state is S.COMPLETED


@lives
async def test_a_ray_cluster_for_clients_gets_the_name_by_which_rays_clients_find_it() -> None:
    async with running_yard() as yard:
        kind, metadata = JobKind.DRIVER, {"launchyard.ray": "true"}
        job = await yard.submit(kind=kind, metadata=metadata)
        assert job.submission_id == driver_id(job.id)
        await yard.submit(submission_id=driver_id(job.id + 2))
        assert (await yard.submit(kind=kind, metadata=metadata)).submission_id is None

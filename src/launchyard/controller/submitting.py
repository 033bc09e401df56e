"""From submissions to durable jobs: checked, numbered, made durable in one change, then taken in."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from launchyard.controller.loop import Loop
from launchyard.controller.recall import recall
from launchyard.controller.texts import Texts, digest, environment_text, runtime_env_text
from launchyard.controller.users import Users
from launchyard.model.change import Idempotency
from launchyard.model.crontab import Crontab
from launchyard.model.errors import Conflict, Infeasible, LaunchyardError
from launchyard.model.frozen import changed
from launchyard.model.job import Job
from launchyard.model.raycluster import driver_id, is_driver
from launchyard.model.submission import Caller, Submission, Update
from launchyard.policy import deadlines
from launchyard.policy.admission import Cluster, admit, amend
from launchyard.policy.dependencies import Verdict, never
from launchyard.policy.handover import refuse_change
from launchyard.policy.limits import Party
from launchyard.policy.rights import charged, refuse_ahead, refuse_other_account, sees
from launchyard.store.protocol import Store

Gate = Callable[[Caller, Submission], Awaitable[Submission]]
"""Looks at what is submitted before it is taken: raises what is wrong with it, or changes it."""


class Submitting:
    """The way in for new jobs."""

    def __init__(
        self,
        loop: Loop,
        store: Store,
        texts: Texts,
        users: Users,
        refuse_environment: Callable[[Submission], None],
    ) -> None:
        """`refuse_environment` raises for a runtime environment that can never be set up here."""
        self._loop = loop
        self._abilities = {one.name: one.engine.abilities for one in loop.clusters}
        self._store = store
        self._texts = texts
        self._users = users
        self._refuse_environment = refuse_environment
        self._keys: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._submission_ids: set[tuple[str, str]] = set()
        self.gates: list[Gate] = []

    def cluster(self) -> Cluster:
        live = self._loop.live
        parties = live.parties
        return Cluster(
            name=self._loop.clusters.default.name,
            abilities=self._abilities,
            accounts={one.name: one.accounts for one in self._loop.clusters if one.accounts},
            away=[one.name for one in self._loop.clusters if one.lost_since is not None],
            capacity=live.capacity,
            reservations=live.reservations,
            rules=parties.rules,
            book=parties.book,
        )

    def admitted(self, caller: Caller, submission: Submission, job_id: int) -> Job:
        """The job it would be; raises `Invalid` or `Infeasible`."""
        now = self._loop.now()
        submission = charged(caller, submission)
        if submission.runtime_env is not None:
            self._refuse_environment(submission)
        job = admit(submission, caller, self.cluster(), job_id=job_id, now=now)
        if (sentence := deadlines.impossible(job, now)) is not None:
            raise Infeasible(sentence, code="deadline")
        return job

    async def passed(self, caller: Caller, submission: Submission) -> Submission:
        """What the gates make of it, in their order. Raises `Forbidden` also by itself."""
        refuse_ahead(caller, submission.nice)
        for gate in self.gates:
            submission = await gate(caller, submission)
        return submission

    async def amend(self, caller: Caller, job: Job, update: Update) -> Job:
        """A waiting job with other wishes, checked like a new one, taken in; durable with the next commit."""
        refuse_other_account(caller, update.account)
        changed = amend(job, update, self.cluster(), caller, self._loop.now())
        refuse_change(job, update, changed)
        now, expected = self._loop.now(), list[int]()
        if (sentence := deadlines.impossible(changed, now)) is not None:
            raise Infeasible(sentence, code="deadline")
        try:
            if update.dependency is not None:
                await self._look_at_dependency(caller, changed, expected)
            current = self._loop.live.jobs.get(job.id)
            if current is not job:
                raise Conflict(f"job {job.id} has moved on meanwhile; look at it and ask again")
            if (breach := self._loop.live.parties.change(job, changed)) is not None:
                raise Conflict(breach.sentence, code=breach.code)
            self._loop.move(changed)
            if update.dependency is not None or update.name is not None:
                self._loop.moved(None, changed)
        finally:
            self._loop.live.waits.expected(expected)
        return self._loop.live.jobs.get(job.id, changed)

    async def submit(
        self, caller: Caller, submissions: Sequence[Submission], idempotency: tuple[str, str] | None
    ) -> list[Job | LaunchyardError]:
        """One result an item; what is returned as a job is durable."""
        if idempotency is None:
            return await self._submit(caller, submissions, ())
        key = (caller.user, idempotency[0])
        while key in self._keys:
            await asyncio.wait([self._keys[key]])
        self._keys[key] = asyncio.get_running_loop().create_future()
        try:
            return await self._once(caller, submissions, idempotency)
        finally:
            self._keys.pop(key).set_result(None)

    async def submit_table(
        self, caller: Caller, lines: Sequence[Submission], table_of: Callable[[Sequence[Job]], Crontab]
    ) -> list[Job | LaunchyardError]:
        """The jobs of a crontab and, durable with them, the table; nothing of it where one is refused."""
        return await self._submit(caller, lines, (), table_of)

    async def stored(self, job_id: int, index: int | None = None) -> Job | None:
        """An ended job (or task of an array) from the store."""
        if index is None:
            return await asyncio.to_thread(self._store.job, job_id)
        return await asyncio.to_thread(self._store.job_of_task, job_id, index)

    async def settled(self, job: Job) -> Job:
        """The job once what this turn decided is durable, as it is then: it may have ended meanwhile."""
        await self._loop.committed()
        live = self._loop.live.jobs.get(job.id)
        return live or (job if job.ended else await self.stored(job.id) or job)

    async def _once(
        self, caller: Caller, submissions: Sequence[Submission], idempotency: tuple[str, str]
    ) -> list[Job | LaunchyardError]:
        """The same request again answers the jobs that the first one made."""
        key, body_digest = idempotency
        kept = await asyncio.to_thread(self._store.idempotency, caller.user, key)
        if kept is None:
            return await self._submit(caller, submissions, idempotency)
        if kept.body_digest != body_digest:
            raise Conflict(f"the Idempotency-Key {key!r} was used for another request; take a new one")
        return [job for one in kept.job_ids if (job := await self._known(one)) is not None]

    async def _known(self, job_id: int) -> Job | None:
        return self._loop.live.jobs.get(job_id) or await self.stored(job_id)

    async def _submit(
        self,
        caller: Caller,
        submissions: Sequence[Submission],
        idempotency: tuple[()] | tuple[str, str],
        table_of: Callable[[Sequence[Job]], Crontab] | None = None,
    ) -> list[Job | LaunchyardError]:
        if self._users.entry(caller.uid) is None:
            await self._users.load(caller.uid)
        results: list[Job | LaunchyardError] = []
        texts: dict[str, bytes] = {}
        reserved: set[tuple[str, str]] = set()
        expected: list[int] = []
        entering: list[Job] = []
        try:
            for submission in submissions:
                result = await self._one(caller, submission, texts, reserved, expected)
                results.append(self._within_limits(result, entering))
            jobs = [result for result in results if isinstance(result, Job)]
            # Nothing is awaited between this look at what is durable already and the change.
            new = {name: text for name, text in texts.items() if name not in self._texts}
            if table_of is not None and len(jobs) == len(results):
                await self._loop.add(jobs, new, (), (table_of(jobs),))
                self._texts.hold(texts)
            elif table_of is None and jobs:
                await self._loop.add(jobs, new, self._record(caller, idempotency, jobs))
                self._texts.hold(texts)
        finally:
            self._submission_ids -= reserved
            self._loop.live.waits.expected(expected)
            self._loop.live.parties.entered(entering)
        return results

    def _within_limits(self, result: Job | LaunchyardError, entering: list[Job]) -> Job | LaunchyardError:
        """Refuse what would be one waiting job too many; those on their way in count too."""
        if isinstance(result, LaunchyardError):
            return result
        live = self._loop.live
        if live.unsettled and live.parties.book.counts_waiting(Party.of(result)):
            live.settle(self._loop.now(), None)
        breach = live.parties.enter(result)
        if breach is not None:
            return Conflict(breach.sentence, code=breach.code)
        entering.append(result)
        return result

    async def _one(
        self,
        caller: Caller,
        submission: Submission,
        texts: dict[str, bytes],
        reserved: set[tuple[str, str]],
        expected: list[int],
    ) -> Job | LaunchyardError:
        try:
            submission = await self.passed(caller, submission)
            # The id that it gets, unless somebody else comes while this is looked into.
            job = self.admitted(caller, submission, self._loop.next_job_id)
            if submission.submission_id is not None:
                await self._reserve(caller, submission.submission_id, reserved)
            if submission.dependency is not None:
                await self._look_at_dependency(caller, job, expected)
        except LaunchyardError as error:
            return error
        job_id = self._loop.new_ids(max(1, len(job.parts)))
        job = job if job.id == job_id else changed(job, id=job_id)
        if is_driver(job) and job.submission_id is None:
            job = await self._named_driver(caller, job, reserved)
        return self._with_texts(job, submission, texts)

    async def _named_driver(self, caller: Caller, job: Job, reserved: set[tuple[str, str]]) -> Job:
        """The name by which Ray's clients find it, unless a job of the user has chosen that one."""
        with contextlib.suppress(Conflict):
            name = driver_id(job.id)
            await self._reserve(caller, name, reserved)
            return changed(job, submission_id=name)
        return job

    def _with_texts(self, job: Job, submission: Submission, texts: dict[str, bytes]) -> Job:
        script = environment = runtime_env = None
        if submission.script is not None:
            script = self._keep(job.uid, submission.script.encode("utf-8", "surrogateescape"), texts)
        if submission.environment is not None:
            environment = self._keep(job.uid, environment_text(submission.environment), texts)
        if submission.runtime_env is not None:
            runtime_env = self._keep(job.uid, runtime_env_text(submission.runtime_env), texts)
        if script is None and environment is None and runtime_env is None:
            return job
        return changed(job, script=script, environment=environment, runtime_env=runtime_env)

    def _keep(self, uid: int, text: bytes, texts: dict[str, bytes]) -> str:
        """The digest of a text, which becomes part of this change unless it is durable by then."""
        name = digest(uid, text)
        texts[name] = text
        return name

    async def _reserve(self, caller: Caller, submission_id: str, reserved: set[tuple[str, str]]) -> None:
        """Nobody else gets this id while the change is on its way."""
        key = (caller.user, submission_id)
        taken = key in self._submission_ids
        if not taken:
            self._submission_ids.add(key)
            reserved.add(key)
            taken = await asyncio.to_thread(self._store.job_of_submission, *key) is not None
        if taken:
            raise Conflict(
                f"a job with submission_id {submission_id} already exists; choose another, or leave it out"
            )

    async def _look_at_dependency(self, caller: Caller, job: Job, expected: list[int]) -> None:
        """Bring in the states of what it waits for; refuse what does not exist or can never be."""
        live, dependency = self._loop.live, job.dependency
        if dependency is None:
            return
        names = [clause.job_id for clause in dependency.jobs]
        live.waits.expect(names)
        expected += names
        for owner in await recall(self._store, live, job):
            if owner.found is None or not sees(caller, owner.found):
                raise Infeasible(
                    f"no job {owner.name} to wait for, or it is not yours; see `ly jobs --all`",
                    code="dependency",
                )
        now = self._loop.now()
        if live.verdict_of(job, now) is Verdict.IMPOSSIBLE and not job.keep_on_failed_dependency:
            raise Infeasible(f"its {never(dependency, live.view(job, now))}", code="dependency")

    def _record(
        self, caller: Caller, idempotency: tuple[()] | tuple[str, str], jobs: Sequence[Job]
    ) -> tuple[Idempotency, ...]:
        if not idempotency:
            return ()
        key, body_digest = idempotency
        ids = tuple(job.id for job in jobs)
        return (
            Idempotency(user=caller.user, key=key, job_ids=ids, body_digest=body_digest, at=self._loop.now()),
        )

"""What becomes a job: defaults of the cluster filled in, and what can never run refused."""

import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from launchyard.model.ability import EVERYTHING, Abilities, Placing
from launchyard.model.array import Array, Indexes
from launchyard.model.errors import Infeasible, Invalid
from launchyard.model.frozen import changed
from launchyard.model.job import Job, JobKind
from launchyard.model.partition import Partition
from launchyard.model.parts import PARTS_MAX
from launchyard.model.reservation import Reservation
from launchyard.model.resources import Part, Request, in_all
from launchyard.model.rules import Rules
from launchyard.model.submission import Caller, PartAsked, Submission, Update
from launchyard.model.walltime import format_walltime
from launchyard.policy.access import Entry, enter, enter_elsewhere, entered, refuse_beyond, refuse_counted
from launchyard.policy.asking import amended, request_of
from launchyard.policy.capacity import Capacity
from launchyard.policy.clusters import chosen
from launchyard.policy.impossible import refuse_impossible
from launchyard.policy.lacking import refuse_lacking
from launchyard.policy.limits import LimitBook
from launchyard.policy.reserved import refuse_reserved
from launchyard.policy.rights import Right, may


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What a request is checked against.

    `capacity` is what its nodes hold when nothing runs, `book` what is taken of the limits in `rules`.
    """

    name: str
    capacity: Capacity
    rules: Rules
    book: LimitBook
    reservations: Mapping[str, Reservation] = field(default_factory=dict)
    abilities: Mapping[str, Abilities] = field(default_factory=dict)
    """Of the engine of each cluster, the default one first; empty: `name` is the only one."""
    accounts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of the engine of each cluster with accounts of its own: by user that of a job which names none."""
    away: Collection[str] = ()
    """Clusters of which the engine does not answer."""

    def chosen(self, partition: str | None, cluster: str | None = None) -> Partition:
        return chosen(self.partitions, partition, cluster, tuple(self.abilities) or (self.name,))

    def abilities_of(self, partition: Partition) -> Abilities:
        return self.abilities.get(partition.cluster, EVERYTHING)

    @property
    def partitions(self) -> Mapping[str, Partition]:
        return self.rules.partitions


def admit(submission: Submission, caller: Caller, cluster: Cluster, *, job_id: int, now: float) -> Job:
    """The job that this submission becomes. Raises `Invalid` or `Infeasible` with one sentence.

    Texts (script, environment) are not part of it: the controller stores them and sets their digests.
    """
    partition = cluster.chosen(submission.partition, submission.cluster)
    request = _request(submission, partition, cluster)
    parts = _parts(submission, partition, request, caller, cluster) if submission.parts else ()
    asked = (submission.account, submission.qos)
    entry = _enter(caller.user, _groups(caller), asked, partition, cluster)
    kept_s = submission.time_limit_s if submission.keep_beyond_limits else None
    limit_s = _time_limit(submission.time_limit_s, entry) if kept_s is None else kept_s
    if submission.time_limit_s is None and parts:
        limit_s = _within_all(parts, limit_s, cluster)
    own = cluster.reservations.get(request.reservation) if submission.time_limit_s is None else None
    limit_s = limit_s if own is None else _within(own, limit_s, now)
    _refuse_longer_minimum(submission.time_min_s, limit_s)
    _refuse_what_cannot_be(request, entry, limit_s, cluster, submission)
    _refuse_reservation(request, submission.time_min_s or limit_s, entry, caller, cluster, now)
    if parts:
        _refuse_together(parts, entry, limit_s, cluster, submission.keep_beyond_limits)
    job = Job(
        id=job_id,
        name=submission.name or _name(submission),
        kind=submission.kind or (JobKind.COMMAND if submission.script is None else JobKind.BATCH),
        user=caller.user,
        uid=caller.uid,
        account=entry.account,
        partition=partition.name,
        qos=entry.party.qos,
        cluster=partition.cluster,
        group=submission.group,
        nice=submission.nice,
        request=in_all(parts) if parts else request,
        parts=parts,
        time_limit_s=limit_s,
        time_min_s=submission.time_min_s,
        until_reservation_ends=own is not None,
        warning=submission.warning,
        begin_at=submission.begin_at,
        cron=submission.cron,
        deadline_at=submission.deadline_at,
        held=submission.held,
        dependency=submission.dependency,
        keep_on_failed_dependency=submission.keep_on_failed_dependency,
        requeue=submission.requeue,
        retries=submission.retries,
        command=submission.command or submission.arguments,
        working_dir=submission.working_dir or "/",
        stdin=submission.stdin,
        stdout=submission.stdout,
        stderr=submission.stderr,
        append=submission.append,
        terminal=submission.terminal,
        window=submission.window,
        submission_id=submission.submission_id,
        entrypoint=submission.entrypoint,
        session=submission.session,
        metadata=submission.metadata,
        array=_array(submission.indexes, submission.throttle),
        submitted_at=now,
    )
    refuse_lacking(job, cluster.abilities_of(partition), runtime_env=submission.runtime_env is not None)
    return job


def amend(job: Job, update: Update, cluster: Cluster, caller: Caller, now: float = 0) -> Job:
    """A waiting job with other wishes. Raises as `admit` does."""
    _refuse_other_parts(job, update)
    partition = cluster.chosen(update.partition or job.partition)
    request = job.request if job.parts else amended(job.request, update, partition, cluster.capacity)
    entry = _entry_again(job, update, partition, cluster, caller)
    limit_s = job.time_limit_s
    if update.time_limit_s is not None or update.partition is not None:
        limit_s = _time_limit(update.time_limit_s or job.time_limit_s, entry)
    if not job.parts:
        _refuse_impossible(request, partition, cluster)
        refuse_beyond(entry, request, limit_s, cluster.book)
    same = update.time_limit_s is None and request.reservation == job.request.reservation
    to_its_end = job.until_reservation_ends and same
    if (request, limit_s) != (job.request, job.time_limit_s):
        least_s = job.time_min_s or (1 if to_its_end else limit_s)
        _refuse_reservation(request, least_s, entry, caller, cluster, now)
    array = job.array
    if update.throttle is not None and array is not None:
        array = replace(array, throttle=update.throttle or None)
    return changed(
        job,
        name=update.name or job.name,
        account=entry.account,
        partition=partition.name,
        cluster=partition.cluster,
        qos=entry.party.qos,
        request=request,
        time_limit_s=limit_s,
        until_reservation_ends=to_its_end,
        nice=job.nice if update.nice is None else update.nice,
        begin_at=job.begin_at if update.begin_at is None else update.begin_at,
        deadline_at=job.deadline_at if update.deadline_at is None else update.deadline_at or None,
        **_other_dependency(update),
        **_kept_otherwise(job, update),
        array=array,
    )


def refuse_longer(job: Job, limit_s: int, cluster: Cluster, caller: Caller, now: float) -> None:
    """Raises `Infeasible` where a job at work, left running until then, would be beyond a limit."""
    partition = cluster.chosen(job.partition)
    entry = entered(job, partition, cluster.rules, cluster.book)
    _time_limit(limit_s, entry)
    refuse_beyond(entry, job.request, limit_s, cluster.book)
    _refuse_reservation(job.request, limit_s, entry, caller, cluster, now)


def _enter(
    user: str,
    groups: Collection[str] | None,
    asked: tuple[str | None, str | None],
    partition: Partition,
    cluster: Cluster,
) -> Entry:
    """Where the engine places, accounts and QOS are its own, and so is the refusal."""
    if cluster.abilities_of(partition).places is Placing.ENGINE:
        account = asked[0] or cluster.accounts.get(partition.cluster, {}).get(user)
        return enter_elsewhere(user, (account, asked[1]), partition, cluster.rules, cluster.book)
    return enter(user, groups, asked, partition, cluster.rules, cluster.book)


def _entry_again(job: Job, update: Update, partition: Partition, cluster: Cluster, caller: Caller) -> Entry:
    """What is not changed is not looked at again: the rules may have changed since."""
    if update.account is None and update.qos is None and update.partition is None:
        return entered(job, partition, cluster.rules, cluster.book)
    asked = (update.account or job.account, update.qos or job.qos)
    groups = None if update.partition is None else _groups(caller)
    return _enter(job.user, groups, asked, partition, cluster)


def _refuse_what_cannot_be(
    request: Request, entry: Entry, limit_s: int | None, cluster: Cluster, submission: Submission
) -> None:
    """What is only too many nodes or beyond a limit may wait until they are changed, if that is asked for."""
    try:
        if not submission.keep_impossible:
            _refuse_impossible(request, entry.partition, cluster)
        refuse_beyond(entry, request, limit_s, cluster.book)
    except Infeasible as error:
        may_wait = error.code == "node-limit" or error.code.startswith("limit")
        if not (submission.keep_beyond_limits and may_wait):
            raise


def _parts(
    submission: Submission, partition: Partition, first: Request, caller: Caller, cluster: Cluster
) -> tuple[Part, ...]:
    """All parts of a job that has several, each let in and possible. Raises as `admit` does."""
    if submission.indexes is not None:
        raise Invalid("an array cannot have unlike parts; submit one job for each index", code="array")
    if len(submission.parts) >= PARTS_MAX:
        raise Invalid(f"{len(submission.parts) + 1} parts asked for; a job has at most {PARTS_MAX}")
    made = [Part(partition=partition.name, request=first, metadata=submission.part_metadata)]
    asked, keep = (submission.account, submission.qos), submission.keep_beyond_limits
    for one in submission.parts:
        where = cluster.chosen(one.partition or partition.name, partition.cluster)
        request = _request(one, where, cluster)
        entry = _enter(caller.user, _groups(caller), asked, where, cluster)
        limit_s = submission.time_limit_s if keep else _time_limit(submission.time_limit_s, entry)
        _refuse_what_cannot_be(request, entry, limit_s, cluster, submission)
        if request.reservation != first.reservation:
            raise Invalid("all parts of a job go into the same reservation; name it for each of them")
        made.append(Part(partition=where.name, request=request, metadata=one.metadata))
    return tuple(made)


def _within_all(parts: tuple[Part, ...], limit_s: int | None, cluster: Cluster) -> int | None:
    """A default time limit cut to what the partition of each part allows."""
    every = [limit_s, *(cluster.partitions[part.partition].time_limit_max_s for part in parts)]
    return min((one for one in every if one is not None), default=None)


def _refuse_together(
    parts: tuple[Part, ...], entry: Entry, limit_s: int | None, cluster: Cluster, keep: bool
) -> None:
    """Each fits by itself; now all at once."""
    try:
        if not cluster.capacity.holds_together(parts):
            raise Infeasible(
                f"its {len(parts)} parts do not fit on the nodes at the same time, even with nothing else "
                "there; ask for less of one"
            )
        refuse_counted(entry, in_all(parts), limit_s, cluster.book)
    except Infeasible as error:
        if not keep or not error.code.startswith("limit"):
            raise


def _refuse_other_parts(job: Job, update: Update) -> None:
    fixed = ("partition", "cpus_milli", "memory_mib", "gpus", "nodes", "wishes")
    if job.parts and any(getattr(update, name) is not None for name in fixed):
        raise Invalid(
            f"job {job.id} is of {len(job.parts)} unlike parts, whose resources and partitions stay as they "
            "are; cancel it and submit it anew"
        )


def _groups(caller: Caller) -> tuple[str, ...] | None:
    """Administrators may use every partition."""
    return None if may(caller, Right.RULES) else caller.groups


def _other_dependency(update: Update) -> dict[str, Any]:
    """One without clauses is none."""
    if update.dependency is None:
        return {}
    return {"dependency": update.dependency if update.dependency.clauses else None, "dependency_met": False}


def _kept_otherwise(job: Job, update: Update) -> dict[str, Any]:
    """What is only kept, and has its effect when the job starts."""
    names = ("requeue", "stdout", "stderr", "working_dir", "time_min_s")
    asked = {name: value for name in names if (value := getattr(update, name)) is not None}
    if update.metadata is not None:
        asked["metadata"] = merged(job.metadata, update.metadata)
    return asked


def merged(metadata: Mapping[str, str], changes: Mapping[str, str]) -> Mapping[str, str]:
    """An empty value takes a key away."""
    return {key: value for key, value in {**metadata, **changes}.items() if value}


def _request(asked: Submission | PartAsked, partition: Partition, cluster: Cluster) -> Request:
    """Where the engine places, what nobody asked for is its to choose."""
    request = request_of(asked, partition, cluster.capacity)
    engine_places = cluster.abilities_of(partition).places is Placing.ENGINE
    return replace(request, memory_mib=0) if engine_places and asked.memory_mib is None else request


def _refuse_impossible(request: Request, partition: Partition, cluster: Cluster) -> None:
    """Where the engine places, it knows itself what can never be. A cluster that has not answered yet has
    nodes of which nobody knows."""
    if cluster.abilities_of(partition).places is not Placing.OURS:
        return
    if partition.cluster not in cluster.away or cluster.capacity.of_partition(partition.name):
        refuse_impossible(request, partition, cluster.capacity)


def _time_limit(asked_s: int | None, entry: Entry) -> int | None:
    """As asked, else the partition's default within what limits of QOS, user and account allow."""
    partition = entry.partition
    limit = partition.time_limit_default_s if asked_s is None else asked_s
    if asked_s is None and entry.time_limit_max_s is not None:
        limit = min(limit or entry.time_limit_max_s, entry.time_limit_max_s)
    maximum = partition.time_limit_max_s
    if maximum is not None and limit is not None and limit > maximum:
        if asked_s is None:
            return maximum
        raise Infeasible(
            f"partition {partition.name} allows {maximum} s, {limit} s asked for; "
            f"ask for --time {maximum}s or less",
            code="time-limit",
        )
    return maximum if limit is None else limit


def _within(reservation: Reservation, limit_s: int | None, now: float) -> int:
    """A default time limit cut to what the reservation leaves."""
    left_s = max(1, int(reservation.left_s(now)))
    return left_s if limit_s is None else min(limit_s, left_s)


def _refuse_reservation(
    request: Request, limit_s: int | None, entry: Entry, caller: Caller, cluster: Cluster, now: float
) -> None:
    engine_places = cluster.abilities_of(entry.partition).places is Placing.ENGINE
    if request.reservation and not engine_places:
        who = (entry.party.user, entry.account, may(caller, Right.RULES))
        where = (entry.partition, cluster.capacity)
        refuse_reserved(request, limit_s, who, where, cluster.reservations, now)


def _refuse_longer_minimum(minimum_s: int | None, limit_s: int | None) -> None:
    if minimum_s is not None and limit_s is not None and minimum_s > limit_s:
        least, most = format_walltime(minimum_s), format_walltime(limit_s)
        raise Invalid(
            f"--time-min {least} is more than its time limit; ask for --time-min {most} or less",
            code="time-min",
        )


def _array(indexes: Indexes | None, throttle: int | None) -> Array | None:
    if indexes is None:
        return None
    first, last = indexes.ranges[0][0], indexes.ranges[-1][1]
    step = indexes.ranges[0][2] if len(indexes.ranges) == 1 else 1
    return Array(waiting=indexes, size=len(indexes), first=first, last=last, step=step, throttle=throttle)


def _name(submission: Submission) -> str:
    if submission.script is not None:
        return "script"
    shell = submission.command[:2] == ("/bin/sh", "-c") and len(submission.command) == 3
    words = submission.command[2].split() if shell else submission.command
    return posixpath.basename(words[0])[:64] if words else "command"

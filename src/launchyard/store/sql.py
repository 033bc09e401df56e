"""The store in a database, said so that SQLite and PostgreSQL both understand it.

Whatever differs between them (connecting, waiting, errors, files) is the adapter's, handed in as `Backend`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from zlib import compress, crc32, decompress
from zlib import error as ZlibError

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from launchyard.model.account import Spent
from launchyard.model.change import Change, Idempotency, NodeMark
from launchyard.model.crontab import Crontab
from launchyard.model.errors import Unavailable
from launchyard.model.job import Job, digests_of
from launchyard.model.reservation import Reservation
from launchyard.model.state import JobState
from launchyard.model.step import Step
from launchyard.model.token import Token
from launchyard.model.trigger import Triggers
from launchyard.store import archive, leftovers, meta, rows, tables
from launchyard.store.among import among
from launchyard.store.protocol import Fenced, JobQuery, StepQuery, StoreDamaged, StoreDoubtful
from launchyard.store.rows import Garbled, Kept
from launchyard.store.statements import Upsert

ASKED_AT_ONCE = 5_000
"""How many ids or digests one query names."""

ROWS_AT_ONCE = 1_000
"""How many rows are in memory while very many are read."""

IN_FORCE = "in force"
RESERVATIONS = "reservations"
TRIGGERS = "triggers"
"""The rows in the table of rules: the rules as text, all reservations as one record, and all triggers."""

TEXTS_REMEMBERED = 10_000
"""Digests that need not be compressed and sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A connected database. `writing` is a transaction of the one writer; `readers` never write.

    `explain` turns a driver's error into one of ours, `damaged` a description of damage; `durable` hears of
    each change number, and next job id, that is safe; `check` looks at every page.
    """

    writing: Callable[[], AbstractContextManager[sa.Connection]]
    readers: sa.Engine
    explain: Callable[[DBAPIError], Exception]
    damaged: Callable[[str], StoreDamaged]
    durable: Callable[[int, int], None]
    check: Callable[[sa.Connection], None]
    close: Callable[[], None]


class SqlStore:
    """Keeps what `store.protocol.Store` promises."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._put_jobs = Upsert(tables.jobs, ["id"])
        self._put_texts = Upsert(tables.texts, ["digest"], replace=False)
        self._put_idempotency = Upsert(tables.idempotency, ["user", "key"], replace=False)
        self._put_tokens = Upsert(tables.tokens, ["id"])
        self._put_nodes = Upsert(tables.nodes, ["cluster", "name"])
        self._put_spent = Upsert(tables.spent, ["user", "account", "qos"])
        self._put_rules = Upsert(tables.rules, ["name"])
        self._put_steps = Upsert(tables.steps, ["job_id", "attempt", "number"])
        self._put_crontabs = Upsert(tables.crontabs, ["uid"])
        self._put_meta = Upsert(tables.meta, ["key"])
        self._known_texts: dict[str, None] = {}
        self._doubtful = self._unknown = False
        self._seq, self._next_job_id = self._counters()

    def commit(self, changes: Sequence[Change]) -> None:
        if self._doubtful and not (changes := self._not_there(changes)):
            return
        for change in changes:
            rows.refuse_unstorable(change)
            for digest in change.forgotten_texts:
                self._known_texts.pop(digest, None)
        jobs = rows.last_rows(changes)
        job_rows = [rows.job_row(job) for job in jobs]
        step_rows = [rows.step_row(step) for step in rows.last_steps(changes)]
        texts = {
            d: text for change in changes for d, text in change.texts.items() if d not in self._known_texts
        }
        keys = _keys(changes)
        tokens = {token.id: token for change in changes for token in change.tokens}
        marks = {(mark.cluster, mark.name): mark for change in changes for mark in change.nodes}
        spent = {rows.spent_key(one): one for change in changes for one in change.spent}
        crontabs = {one.uid: one for change in changes for one in change.crontabs}
        in_force = _rules_rows(changes)
        seq, next_job_id = rows.counters(self._seq, self._next_job_id, changes, jobs)
        with self._writing() as connection:
            leftovers.forget(connection, changes)
            self._put_jobs.run(connection, job_rows)
            self._put_texts.run(connection, [(digest, compress(text, 1)) for digest, text in texts.items()])
            self._keep_keys(connection, keys)
            self._put_tokens.run(connection, [(key, *_sealed(token)) for key, token in tokens.items()])
            self._put_nodes.run(connection, [(*key, *_sealed(mark)) for key, mark in marks.items()])
            self._put_spent.run(connection, [(*key, *_sealed(one)) for key, one in spent.items()])
            self._put_rules.run(connection, in_force)
            self._put_steps.run(connection, step_rows)
            self._forget(connection, [job_id for change in changes for job_id in change.forgotten])
            self._put_crontabs.run(connection, [(uid, *_sealed(one)) for uid, one in crontabs.items()])
            counters = {meta.LAST_SEQ: seq, meta.NEXT_JOB_ID: next_job_id}
            self._put_meta.run(connection, [meta.row(key, str(value)) for key, value in counters.items()])
        self._backend.durable(seq, next_job_id)
        self._seq, self._next_job_id = seq, next_job_id
        self._remember(texts)

    def last_seq(self) -> int:
        return self._counters()[0]

    def next_job_id(self) -> int:
        return self._counters()[1]

    def live_jobs(self) -> list[Job]:
        live = _whole_jobs().where(tables.jobs.c.state.in_([state.value for state in rows.LIVE]))
        with self._reading() as connection:
            # Many of them: never all rows at once, and not through the database's sort, whole as they are.
            connection.exec_driver_sql("BEGIN")
            found = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(live)
            return sorted(map(rows.job_of_row, found), key=attrgetter("id"))

    def job(self, job_id: int) -> Job | None:
        if not rows.storable_integer(job_id):
            return None
        return self._one_job(_whole_jobs().where(tables.jobs.c.id == job_id))

    def jobs(self, query: JobQuery) -> list[Job]:
        if query.sight.accounts:
            return among(self.jobs, query)
        limit = max(0, query.limit)
        if not query.ids:
            return self._jobs(_selection(query).limit(limit)) if limit else []
        found: list[Job] = []
        for part in _parts(sorted(filter(rows.storable_integer, set(query.ids)), reverse=True)):
            if len(found) < limit:
                some = _selection(query).where(tables.jobs.c.id.in_(part))
                found += self._jobs(some.limit(limit - len(found)))
        return found

    def old_jobs(
        self, *, ended_since: float, ended_before: float, newest: int | None, after_id: int, limit: int
    ) -> list[Job]:
        jobs = tables.jobs.c
        old = sa.and_(jobs.ended_at >= ended_since, jobs.ended_at < ended_before)
        if newest is not None:
            beyond = sa.select(jobs.id).where(jobs.ended_at.is_not(None)).order_by(jobs.id.desc())
            old = sa.or_(old, jobs.id <= beyond.offset(newest).limit(1).scalar_subquery())
        chosen = _whole_jobs().where(jobs.ended_at.is_not(None), jobs.id > after_id, old)
        return self._jobs(chosen.order_by(jobs.id).limit(limit))

    def job_of_submission(self, user: str, submission_id: str) -> Job | None:
        if not (rows.storable_text(user) and rows.storable_text(submission_id)):
            return None
        jobs = tables.jobs.c
        return self._one_job(_whole_jobs().where(jobs.user == user, jobs.submission_id == submission_id))

    def job_of_task(self, array_job_id: int, index: int) -> Job | None:
        if not (rows.storable_integer(array_job_id) and rows.storable_integer(index)):
            return None
        jobs = tables.jobs.c
        return self._one_job(
            _whole_jobs().where(jobs.array_job_id == array_job_id, jobs.array_index == index)
        )

    def end_states(self, job_ids: Iterable[int]) -> dict[int, JobState]:
        columns = sa.select(tables.jobs.c.id, tables.jobs.c.state)
        found: dict[int, JobState] = {}
        for part in _parts([job_id for job_id in job_ids if rows.storable_integer(job_id)]):
            with self._reading() as connection:
                for job_id, state in connection.execute(columns.where(tables.jobs.c.id.in_(part))):
                    found[job_id] = _state(job_id, state)
        return found

    def task_states(self, array_job_id: int) -> dict[int, JobState]:
        if not rows.storable_integer(array_job_id):
            return {}
        jobs = tables.jobs.c
        tasks = sa.select(jobs.array_index, jobs.state).where(jobs.array_job_id == array_job_id)
        with self._reading() as connection:
            return {index: _state(array_job_id, state) for index, state in connection.execute(tasks)}

    def texts(self, digests: Iterable[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for part in _parts([digest for digest in digests if rows.storable_text(digest)]):
            with self._reading() as connection:
                some = sa.select(*tables.texts.c).where(tables.texts.c.digest.in_(part))
                found.update({digest: _body(digest, body) for digest, body in connection.execute(some)})
        return found

    def digests(self, *, after: str, limit: int) -> list[str]:
        with self._reading() as connection:
            return leftovers.digests(connection, after, limit)

    def digests_of_jobs(self, *, after_id: int, limit: int) -> tuple[set[str], int]:
        some = _whole_jobs().where(tables.jobs.c.id > after_id).order_by(tables.jobs.c.id).limit(limit)
        jobs = self._jobs(some)
        return digests_of(jobs), jobs[-1].id if jobs else 0

    def idempotency(self, user: str, key: str) -> Idempotency | None:
        if not (rows.storable_text(user) and rows.storable_text(key)):
            return None
        with self._reading() as connection:
            return _kept_key(connection, user, key)

    def idempotencies(self, *, after: tuple[str, str], limit: int) -> list[Idempotency]:
        with self._reading() as connection:
            return leftovers.idempotencies(connection, after, limit)

    def tokens(self) -> list[Token]:
        with self._reading() as connection:
            found = connection.execute(sa.select(*tables.tokens.c)).all()
            tokens = [rows.unpack(Token, record, checksum, f"token {id}") for id, checksum, record in found]
        return sorted(tokens, key=lambda token: (token.created_at, token.id))

    def node_marks(self) -> list[NodeMark]:
        with self._reading() as connection:
            found = connection.execute(sa.select(*tables.nodes.c)).all()
            marks = [rows.unpack(NodeMark, row[3], row[2], f"the mark of node {row[1]}") for row in found]
        return sorted(marks, key=lambda mark: (mark.cluster, mark.name))

    def spent(self) -> list[Spent]:
        with self._reading() as connection:
            found = connection.execute(sa.select(*tables.spent.c)).all()
            spent = [rows.unpack(Spent, row[4], row[3], f"what {row[0]} spent") for row in found]
        return sorted(spent, key=rows.spent_key)

    def rules(self) -> str:
        with self._reading() as connection:
            row = _rules_row(connection, IN_FORCE)
            if row is None:
                return ""
            if type(row[2]) is not bytes or crc32(row[2]) != row[1]:
                raise Garbled("the checksum of the rules is wrong")
            return row[2].decode()

    def reservations(self) -> list[Reservation]:
        with self._reading() as connection:
            row = _rules_row(connection, RESERVATIONS)
            kept = Kept() if row is None else rows.unpack(Kept, row[2], row[1], "the reservations")
        return sorted(kept.reservations, key=lambda one: one.name)

    def crontabs(self) -> list[Crontab]:
        with self._reading() as connection:
            found = connection.execute(sa.select(*tables.crontabs.c).order_by(tables.crontabs.c.uid)).all()
            return [rows.unpack(Crontab, row[2], row[1], f"the crontab of user {row[0]}") for row in found]

    def triggers(self) -> Triggers:
        with self._reading() as connection:
            row = _rules_row(connection, TRIGGERS)
            return Triggers() if row is None else rows.unpack(Triggers, row[2], row[1], "the triggers")

    def steps(self, query: StepQuery) -> list[Step]:
        limit, found = max(0, query.limit), list[Step]()
        statement = _step_selection(query)
        ids = sorted(set(filter(rows.storable_integer, query.job_ids)))
        for part in _parts(ids) if query.job_ids else [None]:
            some = statement if part is None else statement.where(tables.steps.c.job_id.in_(part))
            with self._reading() as connection:
                kept = connection.execute(some.limit(limit - len(found))).all()
                found += [rows.step_of_row(row) for row in kept]
        return found

    def check(self) -> None:
        """Every page, and every row against its checksum."""
        with self._reading() as connection:
            connection.exec_driver_sql("BEGIN")  # one moment of it, however much is written meanwhile
            self._backend.check(connection)
            by_and_by = connection.execution_options(yield_per=ROWS_AT_ONCE)
            for row in by_and_by.execute(_whole_jobs()):
                rows.job_of_row(row)
            for row in by_and_by.execute(sa.select(*tables.steps.c)):
                rows.step_of_row(row)
            for digest, body in connection.execute(sa.select(*tables.texts.c)):
                _body(digest, body)
            for user, key in connection.execute(
                sa.select(tables.idempotency.c.user, tables.idempotency.c.key)
            ):
                _kept_key(connection, user, key)
        self.tokens()
        self.node_marks()
        self.spent()
        self.rules()
        self.reservations()
        self.crontabs()
        self.triggers()
        self._counters()

    def refill(self, source: sa.Connection) -> None:
        """Have the rows of another database of the same schema, and no others."""
        with self._writing() as connection:
            archive.clear(connection)
            archive.copy(source, connection)
        self._seq, self._next_job_id = self._counters()
        self._known_texts.clear()

    def close(self) -> None:
        self._backend.close()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        try:
            with self._backend.writing() as connection:
                yield connection
        except IntegrityError as error:
            raise ValueError(f"a row contradicts another one: {error.orig}") from error
        except StoreDoubtful:
            self._doubtful = self._unknown = True
            raise
        except DBAPIError as error:
            # Whatever answers next may be a copy that was behind.
            self._doubtful |= error.connection_invalidated
            raise self._backend.explain(error) from error
        except Garbled as garbled:
            raise self._backend.damaged(str(garbled)) from garbled

    def _not_there(self, changes: Sequence[Change]) -> Sequence[Change]:
        """What of these was not written by the commit whose outcome nobody knew."""
        try:
            with self._writing() as connection:
                values = meta.read(connection)
        except (Fenced, StoreDoubtful):
            raise
        except Unavailable as error:
            raise StoreDoubtful(str(error)) if self._unknown else error from error
        seq = int(values[meta.LAST_SEQ])
        if seq < self._seq:
            raise self._backend.damaged(f"it ends at change {seq} and change {self._seq} was acknowledged")
        self._seq, self._next_job_id = seq, int(values[meta.NEXT_JOB_ID])
        self._doubtful = self._unknown = False
        return [change for change in changes if change.seq > seq]

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._backend.readers.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise self._backend.explain(error) from error
        except Garbled as garbled:
            raise self._backend.damaged(str(garbled)) from garbled

    def _counters(self) -> tuple[int, int]:
        with self._reading() as connection:
            values = meta.read(connection)
            return int(values[meta.LAST_SEQ]), int(values[meta.NEXT_JOB_ID])

    def _jobs(self, statement: sa.Select[Any]) -> list[Job]:
        with self._reading() as connection:
            return [rows.job_of_row(row) for row in connection.execute(statement).all()]

    def _one_job(self, statement: sa.Select[Any]) -> Job | None:
        with self._reading() as connection:
            row = connection.execute(statement).first()
            return None if row is None else rows.job_of_row(row)

    def _keep_keys(self, connection: sa.Connection, keys: dict[tuple[str, str], Idempotency]) -> None:
        """A key that is there already must be of the same request."""
        new = [(*name, *_sealed(key)) for name, key in keys.items()]
        if self._put_idempotency.run(connection, new) == len(new):
            return
        for (user, name), key in keys.items():
            kept = _kept_key(connection, user, name)
            if kept is None or not rows.same_request(kept, key):
                raise ValueError(f"the idempotency key {name!r} belongs to another request")

    def _forget(self, connection: sa.Connection, job_ids: Sequence[int]) -> None:
        for part in _parts(job_ids):
            connection.execute(sa.delete(tables.jobs).where(tables.jobs.c.id.in_(part)))
            connection.execute(sa.delete(tables.steps).where(tables.steps.c.job_id.in_(part)))

    def _remember(self, digests: Iterable[str]) -> None:
        self._known_texts.update(dict.fromkeys(digests))
        while len(self._known_texts) > TEXTS_REMEMBERED:
            del self._known_texts[next(iter(self._known_texts))]


def _whole_jobs() -> sa.Select[Any]:
    return sa.select(*tables.jobs.c)


def _selection(query: JobQuery) -> sa.Select[Any]:
    """The jobs of a query but for its `ids` and its limit, newest id first."""
    jobs = tables.jobs.c
    chosen = _whole_jobs().order_by(jobs.id.desc())
    if query.states:
        chosen = chosen.where(jobs.state.in_([state.value for state in query.states]))
    texts = ((jobs.user, query.user), (jobs.user, query.sight.user), (jobs.name, query.name))
    for column, text in (
        *texts,
        (jobs.partition, query.partition),
        (jobs.group, query.group),
        (jobs.engine_id, query.engine_id),
    ):
        if text is not None:
            chosen = chosen.where(column == text if rows.storable_text(text) else sa.false())
    if query.partitions:
        named = [name for name in sorted(query.partitions) if rows.storable_text(name)]
        chosen = chosen.where(jobs.partition.in_(named))
    if query.array_job_id is not None:
        known = rows.storable_integer(query.array_job_id)
        chosen = chosen.where(jobs.array_job_id == query.array_job_id if known else sa.false())
    if query.since is not None:
        chosen = chosen.where(sa.or_(jobs.submitted_at >= query.since, jobs.ended_at >= query.since))
    if query.ended_since is not None:
        # Not by id, which would read all that ended before: the index of ends is to be used.
        chosen = (
            chosen.where(jobs.ended_at >= query.ended_since).order_by(None).order_by((jobs.id + 0).desc())
        )
    if query.ended:
        chosen = chosen.where(jobs.ended_at.is_not(None))
    if query.before_id is not None:
        before_id = max(0, min(query.before_id, rows.INTEGER_MAX))
        chosen = chosen.where(jobs.id < before_id)
    if query.without_tasks:
        chosen = chosen.where(jobs.array_job_id.is_(None))
    if query.cards:
        chosen = chosen.where(jobs.card.is_not(None))
    if query.named:
        chosen = chosen.where(jobs.submission_id.is_not(None))
    return chosen


def _step_selection(query: StepQuery) -> sa.Select[Any]:
    """The steps of a query but for its jobs and its limit."""
    steps = tables.steps.c
    chosen = sa.select(*steps).order_by(steps.job_id, steps.attempt, steps.number)
    if query.user is not None:
        chosen = chosen.where(steps.user == query.user if rows.storable_text(query.user) else sa.false())
    if query.since is not None:
        chosen = chosen.where(sa.or_(steps.ended_at.is_(None), steps.ended_at >= query.since))
    return chosen.where(steps.ended_at.is_(None)) if query.running else chosen


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for position in range(0, len(values), ASKED_AT_ONCE):
        yield values[position : position + ASKED_AT_ONCE]


def _keys(changes: Sequence[Change]) -> dict[tuple[str, str], Idempotency]:
    """Each key once. Raises `ValueError` when two requests of the batch share one."""
    keys: dict[tuple[str, str], Idempotency] = {}
    for key in (key for change in changes for key in change.idempotency):
        kept = keys.setdefault((key.user, key.key), key)
        if not rows.same_request(kept, key):
            raise ValueError(f"the idempotency key {key.key!r} belongs to another request")
    return keys


def _kept_key(connection: sa.Connection, user: str, key: str) -> Idempotency | None:
    columns = tables.idempotency.c
    wanted = sa.select(columns.record, columns.checksum).where(columns.user == user, columns.key == key)
    row = connection.execute(wanted).first()
    return None if row is None else rows.unpack(Idempotency, row[0], row[1], "an idempotency key")


def _rules_rows(changes: Sequence[Change]) -> list[tuple[str, int, bytes]]:
    """The rows of the rules in force, of reservations and triggers, where a change brings some."""
    texts = [change.rules.encode() for change in changes if change.rules is not None]
    found = [(IN_FORCE, crc32(texts[-1]), texts[-1])] if texts else []
    kept = [change.reservations for change in changes if change.reservations is not None]
    found += [(RESERVATIONS, *_sealed(Kept(kept[-1])))] if kept else []
    triggers = [change.triggers for change in changes if change.triggers is not None]
    return [*found, (TRIGGERS, *_sealed(triggers[-1]))] if triggers else found


def _rules_row(connection: sa.Connection, name: str) -> Sequence[Any] | None:
    return connection.execute(sa.select(*tables.rules.c).where(tables.rules.c.name == name)).first()


def _sealed(value: rows.Record) -> tuple[int, bytes]:
    record, checksum = rows.pack(value)
    return checksum, record


def _state(job_id: int, text: str) -> JobState:
    try:
        return JobState(text)
    except ValueError:
        raise Garbled(f"job {job_id} has the unknown state {text!r}") from None


def _body(digest: str, body: bytes) -> bytes:
    try:
        return decompress(body)
    except (ZlibError, TypeError) as error:
        raise Garbled(f"the text {digest[:12]} cannot be unpacked ({error})") from None

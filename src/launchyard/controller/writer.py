"""The one thread that writes: takes all changes that wait, commits them as one, tells the loop once.

A change that brings new submissions may fail: its callers are told. Every other change has happened already
and is kept and tried again, in order, until it is durable; meanwhile the daemon is `degraded` and a sentence
says why. One value that cannot be stored fails alone: its batch is committed again one change at a time.
Where nobody knows whether a batch was written, all of it comes again, submissions too, until that is known.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread

from launchyard import faults
from launchyard.model.change import Change
from launchyard.model.errors import LaunchyardError, Unavailable
from launchyard.model.measures import Histogram
from launchyard.store.protocol import Store, StoreDoubtful

CHANGES_MAX = 1_000
JOBS_MAX = 2_000
"""No commit is begun with more, so that none takes long; a single change may exceed it."""

COMMITS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
RETRY_FIRST_S = 0.5
RETRY_LAST_S = 1.0

PROBE = Change(seq=0)
"""Changes nothing but is written: shows whether the store works again when nothing else waits."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of one change: durable, or `error`."""

    change: Change
    done: Callable[[Exception | None], None]
    error: Exception | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    change: Change
    done: Callable[[Exception | None], None]
    may_fail: bool

    def written(self, error: Exception | None = None) -> Written:
        return Written(change=self.change, done=self.done, error=error)


def deliver(batch: Sequence[Written]) -> None:
    """Call what waits for each change; one that raises does not keep the news from the others."""
    for one in batch:
        try:
            one.done(one.error)
        except Exception as error:
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"after change {one.change.seq}: {error}", "exception": error}
            )


class Writer:
    """`submit` and `degraded` are for the loop's thread. `tell` and `on_degraded` are called on the loop."""

    def __init__(
        self,
        store: Store,
        tell: Callable[[Sequence[Written]], None] = deliver,
        *,
        on_degraded: Callable[[str | None], None] = lambda sentence: None,
        retry_s: tuple[float, float] = (RETRY_FIRST_S, RETRY_LAST_S),
    ) -> None:
        self.on_degraded = on_degraded
        self.degraded: str | None = None
        """Why nothing can be made durable now, one sentence; as the loop knows it."""
        self.failure: Exception | None = None
        """The error behind `degraded`; its class says whether it is for want of space."""
        self.commits = Histogram(COMMITS_S)
        """How long commits take; written by the thread, read by anybody."""
        self._store = store
        self._tell = tell
        self._retry_s = retry_s
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._kept: deque[_Waiting] = deque()
        self._trouble: str | None = None
        self._closing = Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = Thread(target=self._run, name="writer", daemon=True)

    def submit(
        self, change: Change, done: Callable[[Exception | None], None], *, may_fail: bool = False
    ) -> None:
        """Make a change durable; `done` is called on the loop with None, or with why it failed."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._thread.start()
        if self._closing.is_set():
            self._loop.call_soon(done, _closed())
            return
        self._queue.put(_Waiting(change=change, done=done, may_fail=may_fail))

    def close(self) -> None:
        """Commit what waits, then end. Blocks: call it from another thread than the loop's.

        What a failing store does not take now fails, with its error: it was never acknowledged.
        """
        if self._loop is not None and not self._closing.is_set():
            self._closing.set()
            self._queue.put(None)
            self._thread.join()
            late = [one.written(_closed()) for one in self._drained()]
            self._loop.call_soon_threadsafe(self._arrive, late, self.failure, False)

    def _run(self) -> None:
        pause_s = self._retry_s[0]
        while True:
            batch = self._next_batch()
            if not batch and self._trouble is None:
                if self._closing.is_set():
                    return
                continue
            written, failure = self._commit(batch)
            closing = self._closing.is_set()
            if failure is not None and closing:
                written += [one.written(failure) for one in self._drained()]
            self._report(written, failure)
            if failure is None:
                pause_s = self._retry_s[0]
                continue
            if closing:
                return
            self._closing.wait(pause_s)
            pause_s = min(2 * pause_s, self._retry_s[1])

    def _next_batch(self) -> list[_Waiting]:
        """What was kept and what waits, in order. Empty: a probe is due, or all is done."""
        batch: list[_Waiting] = []
        jobs = 0
        while len(batch) < CHANGES_MAX and jobs < JOBS_MAX:
            one = self._next(wait=not batch and self._trouble is None)
            if one is None:
                break
            batch.append(one)
            jobs += len(one.change.jobs)
        return batch

    def _next(self, *, wait: bool) -> _Waiting | None:
        if self._kept:
            return self._kept.popleft()
        try:
            return self._queue.get(block=wait and not self._closing.is_set())
        except Empty:
            return None

    def _drained(self) -> list[_Waiting]:
        """All that was kept and all that waits, in order."""
        found: list[_Waiting] = []
        while (one := self._next(wait=False)) is not None:
            found.append(one)
        return found

    def _commit(self, batch: list[_Waiting]) -> tuple[list[Written], Exception | None]:
        """What became of the batch, and why the store failed. What must not fail is kept for the next try."""
        try:
            self._write([one.change for one in batch] or [PROBE])
        except LaunchyardError as failure:
            return self._keep(batch, failure), failure
        except Exception as error:
            if len(batch) > 1 or (batch and batch[0].may_fail):
                return self._commit_each(batch)
            return self._stuck(batch, error)
        return [one.written() for one in batch], None

    def _commit_each(self, batch: list[_Waiting]) -> tuple[list[Written], Exception | None]:
        """A value of the batch cannot be stored: find it, and let it fail alone."""
        written: list[Written] = []
        for position, one in enumerate(batch):
            try:
                self._write([one.change])
            except LaunchyardError as failure:
                return written + self._keep(batch[position:], failure), failure
            except Exception as error:
                if not one.may_fail:
                    others, failed = self._stuck(batch[position:], error)
                    return written + others, failed
                written.append(one.written(error))
            else:
                written.append(one.written())
        return written, None

    def _write(self, changes: Sequence[Change]) -> None:
        faults.point("commit-before")
        began = time.perf_counter()
        self._store.commit(changes)
        self.commits.observe(time.perf_counter() - began)
        faults.point("commit-after")

    def _keep(self, batch: Sequence[_Waiting], failure: Exception) -> list[Written]:
        """Fail what may fail; put the rest back to the front. What may have been written fails for nobody."""
        if isinstance(failure, StoreDoubtful):
            self._kept.extendleft(reversed(batch))
            return []
        self._kept.extendleft(reversed([one for one in batch if not one.may_fail]))
        return [one.written(failure) for one in batch if one.may_fail]

    def _stuck(self, batch: list[_Waiting], error: Exception) -> tuple[list[Written], Exception]:
        """A change that has happened cannot be stored. Later ones may build on it, so nothing passes it."""
        seq = batch[0].change.seq if batch else 0
        failure = Unavailable(f"change {seq} cannot be stored: {error}; this is a fault of ours, report it")
        if str(failure) != self._trouble:
            _log.error("change %s cannot be stored", seq, exc_info=error)
        return self._keep(batch, failure), failure

    def _report(self, written: list[Written], failure: Exception | None) -> None:
        trouble = None if failure is None else str(failure)
        changed, self._trouble = trouble != self._trouble, trouble
        if changed:
            _log.warning("the store works again" if trouble is None else f"degraded: {trouble}")
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._arrive, written, failure, changed)
        except RuntimeError:
            _log.warning("the loop ended before it heard of %s changes", len(written))

    def _arrive(self, written: Sequence[Written], failure: Exception | None, changed: bool) -> None:
        self.failure = failure
        self.degraded = None if failure is None else str(failure)
        if written:
            self._tell(written)
        if changed:
            self.on_degraded(self.degraded)


def _closed() -> Unavailable:
    return Unavailable("Launchyard is shutting down; try again in a moment")

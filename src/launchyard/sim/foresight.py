"""How good start estimates are: on a replay, what is foretold of waiting jobs against what became of them.

A job that has just been submitted and waits is played forward as live estimates are: every job uses its whole
requested time, nobody comes. Its range is then learnt from the jobs that have started by then.
"""

from dataclasses import dataclass

from launchyard.policy.backfill import fill
from launchyard.policy.calibration import LEARNT_MIN, Calibration
from launchyard.sim.policies import Policy
from launchyard.sim.replay import SUBMITTED, Progress, Replay
from launchyard.sim.trace import Trace, TraceJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """`share` of the `count` starts lay within the range; its width over the actual wait, in the median."""

    count: int
    share: float
    width: float


@dataclass(frozen=True, slots=True)
class _Told:
    job: TraceJob
    now: int
    bound: int
    low: float
    high: float
    learnt: bool


class ForetellingReplay(Replay):
    """A replay that asks of every `stride`-th job that waits when it will start."""

    def __init__(self, trace: Trace, policy: Policy, stride: int = 1) -> None:
        super().__init__(trace, policy)
        self._stride = stride
        self._asked = 0
        self._calibration = Calibration()
        self._told: list[_Told] = []
        self._open: dict[int, _Told] = {}
        self._fresh: TraceJob | None = None

    def foresight(self) -> Foresight:
        """Once the replay has run."""
        told = [one for one in self._told if one.learnt and one.job.start > one.now]
        within = sum(one.low <= one.job.start <= one.high for one in told)
        widths = sorted((one.high - one.low) / (one.job.start - one.now) for one in told)
        return Foresight(
            count=len(told),
            share=within / max(len(told), 1),
            width=widths[len(widths) // 2] if widths else 0.0,
        )

    def run(self, progress: Progress | None = None) -> None:
        """Give every job its `start`, and foretell those of jobs that wait."""
        super().run(progress)
        self._tell()

    def _happen(self, kind: int, job: TraceJob, now: int) -> bool:
        # Nothing has changed since the pass that looked at what was submitted last.
        self._tell()
        if kind == SUBMITTED:
            self._fresh = job
        return super()._happen(kind, job, now)

    def _begin(self, job: TraceJob, now: int) -> None:
        super()._begin(job, now)
        if (told := self._open.pop(job.number, None)) is not None:
            self._calibration.learn(now - told.now, told.bound - told.now)

    def _tell(self) -> None:
        job, self._fresh = self._fresh, None
        if job is None or job.start >= 0:
            return
        self._asked += 1
        if self._asked % self._stride:
            return
        bound = self._bound(job)
        found = self._calibration.estimate(job.submit, bound)
        learnt = len(self._calibration) >= LEARNT_MIN
        told = self._open[job.number] = _Told(job, job.submit, bound, found.low, found.high, learnt)
        self._told.append(told)

    def _bound(self, target: TraceJob) -> int:
        """When it starts if every job uses its whole time and nobody comes."""
        space = self._space.copy()
        line = self._line.copy(space)
        at = target.submit
        while True:
            space.begin_pass(at)
            starts, _ = fill(line, space, depth=self._depth, starts_max=len(line))
            for job, _ in starts:
                if job is target:
                    return at
                line.drop(job)
            following = space.next_end()
            if following is None:
                return at
            at = max(at, following)

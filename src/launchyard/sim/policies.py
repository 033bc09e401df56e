"""The policies that can be compared: what orders the line, what is believed of run times, how it is
filled."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from launchyard.sim.trace import TraceJob

Sort = Callable[[TraceJob], float]

AGEING_S = 12 * 3600
AGE_MAX_S = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Policy:
    """`key(processors)` orders the line (None: as submitted). `backfill`: those behind may go ahead, in the
    order of `behind`. `conservative`: everybody has a reservation. `predict` names what is believed of run
    times: `requested`, `run` (clairvoyant) or `last-two`. `ages`: the key depends on the time."""

    name: str
    meaning: str
    key: Callable[[int], Sort] | None = None
    behind: Sort | None = None
    backfill: bool = True
    conservative: bool = False
    predict: str = "requested"
    ages: Callable[[int, int], Sort] | None = None


def _predicted(job: TraceJob) -> float:
    return job.predicted_s


def _log_area(processors: int) -> Sort:
    """`policy.order`'s default on one resource: smallest log-area first, with linear ageing."""

    def key(job: TraceJob) -> float:
        return math.log(job.processors / processors * job.requested_s) + job.submit / AGEING_S

    return key


def _multifactor(processors: int, now: int) -> Sort:
    """Slurm's age and job-size factors with equal weights, large jobs favoured as by its default."""

    def key(job: TraceJob) -> float:
        return -(min(1.0, (now - job.submit) / AGE_MAX_S) + job.processors / processors)

    return key


POLICIES = {
    policy.name: policy
    for policy in (
        Policy("fcfs", "first come, first served", backfill=False),
        Policy("easy", "EASY backfill"),
        Policy("conservative", "backfill with a reservation for everybody", conservative=True),
        Policy("easy-sjbf", "EASY, shortest candidates first", behind=_predicted),
        Policy(
            "easy++",
            "EASY-SJBF on predictions (last two runs of the user)",
            None,
            _predicted,
            predict="last-two",
        ),
        Policy("easy-clairvoyant", "EASY knowing all run times", predict="run"),
        Policy("sjbf-clairvoyant", "EASY-SJBF knowing all run times", None, _predicted, predict="run"),
        Policy("multifactor", "Slurm's age and size factors over EASY", ages=_multifactor),
        Policy("default", "log-area with ageing over EASY", key=_log_area),
    )
}

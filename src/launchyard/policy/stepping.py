"""What becomes of a step: a runner ended, or the whole job did."""

from collections.abc import Sequence
from dataclasses import replace

from launchyard.model.resources import Usage
from launchyard.model.step import RunnerEnd, Step, StepState


def runner_ended(step: Step, end: RunnerEnd) -> Step:
    """The step after one more of its runners ended; told again it changes nothing."""
    if step.ended or any(known.position == end.position for known in step.ends):
        return step
    step = replace(step, ends=(*step.ends, end))
    return step if step.open_runners else _over(step)


def cut_short(step: Step, at: float, *, timed_out: bool = False, cause: str | None = None) -> Step:
    """The step has ended with its job, or nobody knows how: nothing is said of an exit that was not seen."""
    if step.ended:
        return step
    state = StepState.TIMEOUT if timed_out else StepState.CANCELLED
    code, signal = _worst(step.ends)
    usage = _usage(step.ends)
    return replace(step, state=state, ended_at=at, exit_code=code, signal=signal, cause=cause, usage=usage)


def _over(step: Step) -> Step:
    code, signal = _worst(step.ends)
    return replace(
        step,
        state=_state(step, code, signal),
        ended_at=max(end.at for end in step.ends),
        exit_code=code,
        signal=signal,
        cause=next((end.error for end in step.ends if end.error is not None), None),
        usage=_usage(step.ends),
    )


def _state(step: Step, code: int | None, signal: int | None) -> StepState:
    if code == 0:
        return StepState.COMPLETED
    if any(end.timed_out for end in step.ends):
        return StepState.TIMEOUT
    if any(end.oom for end in step.ends):
        return StepState.OUT_OF_MEMORY
    unknown = code is None and signal is None and all(end.error is None for end in step.ends)
    if unknown or step.cancelled_by is not None or any(end.ending for end in step.ends):
        return StepState.CANCELLED
    return StepState.FAILED


def _worst(ends: Sequence[RunnerEnd]) -> tuple[int | None, int | None]:
    """The exit code or the signal of the one that ended worst; a signal is worse than any code."""
    known = [end for end in ends if end.error is None]
    signals = [end.signal for end in known if end.signal is not None]
    if signals:
        return None, max(signals)
    codes = [end.exit_code for end in known if end.exit_code is not None]
    if len(codes) < len(ends) and not any(codes):
        # One of them did not run, or nobody knows: no zero then.
        return None, None
    return max(codes, default=None), None


def _usage(ends: Sequence[RunnerEnd]) -> Usage:
    """CPU time of all together, the largest memory of any."""
    cpu_s = [end.cpu_s for end in ends if end.cpu_s is not None]
    memory = [end.memory_peak_mib for end in ends if end.memory_peak_mib is not None]
    return Usage(
        cpu_s=round(sum(cpu_s), 6) if cpu_s else None, memory_peak_mib=max(memory) if memory else None
    )

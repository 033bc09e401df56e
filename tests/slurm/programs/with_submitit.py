"""What a user of submitit does; prints what came of it as JSON. Run: `with_submitit.py PART FOLDER`."""

import json
import os
import sys
import threading
import time
from pathlib import Path

import submitit  # type: ignore[import-not-found]
from submitit.helpers import DelayedSubmission  # type: ignore[import-not-found]


def add(a: int, b: int) -> int:
    return a + b


def fail(word: str) -> None:
    raise ValueError(f"never {word}")


def rank() -> list[int]:
    environment = submitit.JobEnvironment()
    return [environment.global_rank, environment.local_rank, environment.num_tasks, environment.num_nodes]


def sleep(seconds: float) -> None:
    threading.Event().wait(seconds)


def eat(mib: int) -> int:
    eaten = bytearray(mib << 20)
    threading.Event().wait(30)
    return len(eaten)


class Slow:
    """Waits until it was interrupted once; the checkpoint carries the news into the next run."""

    def __init__(self, started: str, interrupted: bool = False) -> None:
        self.started = started
        self.interrupted = interrupted

    def __call__(self) -> list[object]:
        Path(self.started).touch()
        deadline = time.monotonic() + 100
        while not self.interrupted and time.monotonic() < deadline:
            time.sleep(0.1)
        return [self.interrupted, os.environ.get("SLURM_RESTART_COUNT")]

    def checkpoint(self) -> DelayedSubmission:
        return DelayedSubmission(Slow(self.started, interrupted=True))


def made(folder: str, **parameters: object) -> submitit.AutoExecutor:
    executor = submitit.AutoExecutor(folder=f"{folder}/%j", cluster="slurm")
    executor.update_parameters(timeout_min=5, cpus_per_task=1, mem_gb=0.25, slurm_signal_delay_s=30)
    executor.update_parameters(**parameters)
    return executor


def array(folder: str) -> object:
    jobs = made(folder, slurm_array_parallelism=2).map_array(add, [1, 2, 3], [10, 20, 30])
    return {"ids": len({job.job_id for job in jobs}), "results": [job.result() for job in jobs]}


def exception(folder: str) -> object:
    job = made(folder).submit(fail, "mind")
    error = job.exception()
    return {"error": type(error).__name__, "told": "ValueError: never mind" in str(error)}


def ranks(folder: str) -> object:
    return sorted(made(folder, tasks_per_node=2).submit(rank).results())


def cancel(folder: str) -> object:
    job = made(folder).submit(sleep, 600)
    _until(lambda: job.watcher.get_state(job.job_id, mode="force") == "RUNNING")
    job.cancel(check=True)
    _until(lambda: job.watcher.get_state(job.job_id, mode="force").startswith("CANCELLED"))
    return {"done": job.done()}


def checkpoint(folder: str) -> object:
    started = f"{folder}/started"
    job = made(folder).submit(Slow(started))
    _until(Path(started).exists)
    job._interrupt(timeout=False)
    return job.result()


def memory(folder: str) -> object:
    job = made(folder, mem_gb=0.1).submit(eat, 400)
    error = job.exception()
    return {"error": type(error).__name__, "state": job.watcher.get_state(job.job_id, mode="force")}


def _until(condition: object, within_s: float = 60) -> None:
    assert callable(condition)
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it never came to that")
        time.sleep(0.2)


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))

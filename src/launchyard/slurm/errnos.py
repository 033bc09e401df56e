"""Slurm's errors that programs know by number or sentence; an exit code is the number's last byte."""

from typing import NamedTuple


class Errno(NamedTuple):
    number: int
    sentence: str

    @property
    def code(self) -> int:
        """As a process ends with it."""
        return self.number & 0xFF


INVALID_PARTITION = Errno(2000, "Invalid partition name specified")
DENIED = Errno(2002, "Access/permission denied")
NODES_BUSY = Errno(2016, "Requested nodes are busy")
INVALID_JOB = Errno(2017, "Invalid job id specified")
INVALID_NODE = Errno(2018, "Invalid node name specified")
TRANSITION = Errno(2020, "Job can not be altered now, try again later")
ALREADY_DONE = Errno(2021, "Job/step already completing or completed")
DISABLED = Errno(2028, "Requested operation is presently disabled")
PENDING = Errno(2034, "Job is pending execution")
NO_CHANGE = Errno(2068, "Requested operation not supported on this system")
NOT_RUNNING = Errno(2063, "Job is no longer running")

ALL = (
    INVALID_PARTITION,
    DENIED,
    NODES_BUSY,
    INVALID_JOB,
    INVALID_NODE,
    TRANSITION,
    ALREADY_DONE,
    DISABLED,
    PENDING,
)


def sentence_of(number: int) -> str | None:
    return next((one.sentence for one in ALL if one.number == number), None)

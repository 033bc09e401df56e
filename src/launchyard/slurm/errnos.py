"""Slurm's errors that programs know by number or sentence; an exit code is the number's last byte."""

from launchyard.model.light import NamedTuple


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
HELD = Errno(2040, "Job is in held state, pending scheduler release")
BAD_TIME = Errno(2051, "Requested time limit is invalid (missing or exceeds some limit)")
NOT_AVAILABLE = Errno(2015, "Requested partition configuration not available now")
INVALID_FEATURE = Errno(2041, "Invalid feature specification")
INVALID_QOS = Errno(2066, "Invalid qos specification")
INVALID_ACCOUNT = Errno(2045, "Invalid account or account/partition combination specified")
INVALID_RESERVATION = Errno(2050, "Requested reservation is invalid")
INVALID_USER = Errno(2010, "Invalid user id")
DEPENDENCY = Errno(2043, "Job dependency problem")
FINISHED = Errno(2021, "Job has already finished")
CRON_CHANGE = Errno(2096, "Cannot modify scrontab jobs through scontrol")
CRON_CANCEL = Errno(2098, "Cannot cancel scrontab jobs without --cron flag.")
PRIORITY_RESET = Errno(2095, "Changes to job priority are not persistent, change nice instead")
NOT_SUSPENDED = Errno(2063, "Job is not suspended")

PART = Errno(2108, "Operation not permitted on individual component of heterogeneous job")

ALL = (
    PART,
    INVALID_PARTITION,
    DENIED,
    NODES_BUSY,
    INVALID_JOB,
    INVALID_NODE,
    TRANSITION,
    ALREADY_DONE,
    DISABLED,
    PENDING,
    HELD,
    BAD_TIME,
    NOT_AVAILABLE,
    INVALID_FEATURE,
    INVALID_QOS,
    INVALID_ACCOUNT,
    INVALID_RESERVATION,
    INVALID_USER,
    DEPENDENCY,
)


def sentence_of(number: int) -> str | None:
    return next((one.sentence for one in ALL if one.number == number), None)

"""What an engine that places can do to a launch that it was given and has not started."""

from typing import Protocol, runtime_checkable

from launchyard.model.job import Job


@runtime_checkable
class Queue(Protocol):
    """What an engine that places can do to a launch that it was given and has not started."""

    def hold(self, launch_id: str, *, held: bool) -> None:
        """Keep it from starting, or let it go on; told again it changes nothing."""

    def amend(self, launch_id: str, job: Job) -> None:
        """The launch asks for what `job` says now. What the engine refuses it says by `LaunchWaits`."""

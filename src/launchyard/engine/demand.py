"""What an engine can be told of work that waits, so that whoever makes nodes for it can make some."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from launchyard.model.resources import Request


@runtime_checkable
class Growing(Protocol):
    """An engine whose cluster may grow."""

    def demand(self, waiting: Sequence[Request]) -> None:
        """This waits now for resources of the cluster, first to start first; told often, mostly no news."""

"""Duty, each second: let in the jobs whose begin time has come."""

from launchyard.controller.loop import Loop


def begin(loop: Loop) -> None:
    """By the wall clock, since that is what people name; a clock set back only delays."""
    if loop.live.begin(loop.now()):
        loop.plan_soon()

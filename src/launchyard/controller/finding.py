"""Jobs that their users gave to an engine past us: they become jobs here, and are told of like any other."""

from dataclasses import replace

from launchyard.controller.clusters import LiveCluster
from launchyard.controller.loop import Loop
from launchyard.engine.protocol import LaunchFound
from launchyard.model.event import HandedOver, Taken
from launchyard.policy.lifecycle import apply


def take_in(loop: Loop, cluster: LiveCluster, report: LaunchFound) -> None:
    """At once, so that what else is reported of it finds it; told again it changes nothing."""
    if loop.live.of_launch(report.launch_id) is not None:
        return
    now = loop.now()
    job = replace(report.job, id=loop.new_ids(1), cluster=cluster.name)
    job = apply(job, HandedOver(launch_id=report.launch_id, epoch=cluster.epoch or ""), now)
    loop.live.keep_partition(job)
    loop.move(apply(job, Taken(engine_id=report.engine_id), now))

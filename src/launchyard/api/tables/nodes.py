"""The columns of nodes: what each has, what of it is in use, and who said what of it."""

from collections.abc import Mapping
from typing import NamedTuple

from launchyard.api.tables.column import Column
from launchyard.api.tables.machine import Machine
from launchyard.controller.controller import NodeUse
from launchyard.model.reservation import Reservation


class Row(NamedTuple):
    """`completing` jobs there have ended but for what is still being killed. `machine` is where it is."""

    use: NodeUse
    machine: Machine
    partitions: tuple[str, ...] = ()
    completing: int = 0
    reservation: Reservation | None = None


def _cores(row: Row) -> int:
    return max(1, row.use.node.cpus // row.use.node.threads_per_core)


COLUMNS: Mapping[str, Column[Row]] = {
    "name": lambda row: row.use.node.name,
    "cluster": lambda row: row.use.node.cluster,
    "state": lambda row: row.use.node.state,
    "reason": lambda row: row.use.node.reason or None,
    "reason_user": lambda row: row.use.node.marked_by or None,
    "reason_at": lambda row: row.use.node.marked_at,
    "cpus": lambda row: row.use.node.cpus,
    "cpus_used_milli": lambda row: row.use.cpus_milli,
    "memory_mib": lambda row: row.use.node.memory_mib,
    "memory_used_mib": lambda row: row.use.memory_mib,
    "memory_free_mib": lambda row: row.machine.memory_free_mib,
    "gpus": lambda row: row.use.node.gpus,
    "gpu_type": lambda row: row.use.node.gpu_type or None,
    "gpus_used": lambda row: row.use.gpus,
    "gpu_ids_used": lambda row: list(row.use.gpu_ids),
    "features": lambda row: list(row.use.node.features),
    "jobs": lambda row: row.use.jobs,
    "completing": lambda row: row.completing,
    "sockets": lambda row: 1,
    "cores": _cores,
    "threads": lambda row: row.use.node.threads_per_core,
    "arch": lambda row: row.machine.arch,
    "os": lambda row: row.machine.os,
    "host": lambda row: row.machine.host,
    "load": lambda row: row.machine.load,
    "booted_at": lambda row: row.machine.booted_at,
    "served_since": lambda row: row.machine.served_since,
    "partitions": lambda row: list(row.partitions),
    "reservation": lambda row: None if row.reservation is None else row.reservation.name,
    "maintenance": lambda row: row.reservation is not None and row.reservation.maintenance,
}

"""The moment at which everything stands, and who is there."""

import os
from datetime import UTC, datetime

from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.rules import Rules

MOMENT = datetime(2026, 3, 17, 14, 2, 11, tzinfo=UTC)
NOW = MOMENT.timestamp()
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
EPOCH = "still"

UID = os.getuid()
"""Ada is whoever runs the tests: the server knows her by the kernel's word."""
USER, HOME = "ada", "/home/ada"
OTHER_UID, OTHER_USER = 61_002, "li"

NODES = (
    *(Node(name=f"n{number}", cpus=16, memory_mib=65_536) for number in range(1, 5)),
    Node(name="g1", cpus=32, memory_mib=262_144, gpus=2, gpu_type="a100", features=("nvme",)),
)
RULES = Rules(
    partitions={
        "main": Partition(name="main", nodes=("n1", "n2", "n3", "n4"), default=True),
        "gpu": Partition(name="gpu", nodes=("g1",), time_limit_max_s=2 * 86_400),
    }
)

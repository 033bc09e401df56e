"""How much of a node Ray is told to use: what the job has of it, and no more. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

MIB = 1024 * 1024
STORE_PART = 0.3
"""As Ray does it: so much of the memory is for objects that tasks share."""
STORE_MIN_BYTES = 80 * MIB
"""Ray refuses less."""


class Share(NamedTuple):
    """What a job has of one node."""

    cpus: int
    gpus: int
    memory_bytes: int
    """0: nobody says."""


def share_of(environ: Mapping[str, str]) -> Share:
    """What the variables of a job, or of a task of its step, say of the node it is on."""
    nodes = environ.get("LAUNCHYARD_NODES", "").count(",") + 1
    memory_mib = _whole(environ, "SLURM_MEM_PER_NODE") or _whole(environ, "LAUNCHYARD_MEMORY_MIB") // nodes
    gpus = [one for one in environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if one]
    return Share(max(1, _whole(environ, "SLURM_CPUS_ON_NODE")), len(gpus), memory_mib * MIB)


def words_of(share: Share, free_bytes: int) -> list[str]:
    """Options of `ray start`; `free_bytes` is the room where objects are kept."""
    words = [f"--num-cpus={share.cpus}", f"--num-gpus={share.gpus}"]
    if not share.memory_bytes:
        return words
    store = max(STORE_MIN_BYTES, int(min(share.memory_bytes * STORE_PART, free_bytes * STORE_PART)))
    rest = max(MIB, share.memory_bytes - store)
    return [*words, f"--memory={rest}", f"--object-store-memory={store}"]


def _whole(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name, "")
    return int(text) if text.isdecimal() else 0

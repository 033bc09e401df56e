"""What a body wishes of nodes, checked and typed. In an update an empty text or list takes a wish away."""

from collections.abc import Mapping, Sequence

from launchyard.model.errors import Invalid
from launchyard.model.hostlist import expand
from launchyard.model.number import shown
from launchyard.model.resources import WHOLE_GPU_MILLI
from launchyard.model.wishes import COUNT_MAX, Wishes, checked_licences, parts_of_gpus
from launchyard.wire.submit import Resources, UpdateJob

TEXT_MAX = 1_024
NAMES_MAX = 1_024
"""Each job keeps its own names of nodes."""


def wishes_of(asked: Resources | UpdateJob, path: str) -> Wishes:
    """What is wished; `path` is where in the body, for errors. Raises `Invalid`."""
    return Wishes(
        nodes_max=_nodes_max(asked, path),
        tasks=count(asked.tasks, f"{path}tasks"),
        tasks_per_node=count(asked.tasks_per_node, f"{path}tasks_per_node"),
        gpu_type=_word(asked.gpu_type, f"{path}gpu_type"),
        gpu_milli=gpus_of(asked.gpus, f"{path}gpus")[1],
        exclusive=asked.exclusive,
        constraint=_word(asked.constraint, f"{path}constraint"),
        nodelist=_nodes(asked.nodelist, f"{path}nodelist"),
        exclude=_nodes(asked.exclude, f"{path}exclude"),
        licences=_licences(asked.licences),
        reservation=_word(asked.reservation, f"{path}reservation"),
    )


def gpus_of(gpus: float | None, what: str) -> tuple[int | None, int | None]:
    """How many GPUs and how many thousandths of each; (None, None) when nothing is said."""
    if gpus is None:
        return None, None
    milli = round(gpus * WHOLE_GPU_MILLI) if 0 <= gpus <= COUNT_MAX else -1
    if milli < 0 or (gpus and not milli):
        raise Invalid(f"{what} is {gpus:g}; it is a number of GPUs such as 2, or a part of one such as 0.5")
    return parts_of_gpus(milli)


def count(number: int | None, what: str) -> int | None:
    """A number of nodes or tasks. Raises `Invalid`."""
    if number is not None and not 1 <= number <= COUNT_MAX:
        raise Invalid(f"{what} is {number}; it is between 1 and {COUNT_MAX}")
    return number


def _nodes_max(asked: Resources | UpdateJob, path: str) -> int | None:
    most = count(asked.nodes_max, f"{path}nodes_max")
    if most is not None and most < (asked.nodes or 1):
        raise Invalid(f"{path}nodes_max is {most}, which is less than {path}nodes, {asked.nodes}")
    return most


def _word(text: str | None, what: str) -> str | None:
    if text is not None and (len(text) > TEXT_MAX or not text.isprintable()):
        raise Invalid(f"{what} {shown(text)} is too long, or holds control characters")
    return text if text is None else text.strip()


def _nodes(names: str | Sequence[str] | None, what: str) -> tuple[str, ...] | None:
    if names is None:
        return None
    text = names if isinstance(names, str) else ",".join(names)
    found = tuple(expand(text)) if text.strip() else ()
    if len(found) > NAMES_MAX:
        raise Invalid(
            f"{what} names {len(found)} nodes; name at most {NAMES_MAX}, or ask for features or a partition"
        )
    return found


def _licences(counts: Mapping[str, int] | None) -> tuple[tuple[str, int], ...] | None:
    return None if counts is None else checked_licences(counts)

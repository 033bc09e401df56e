"""Which CPUs each task of a node may use: `--cpu-bind`, and the variables that tell it."""

from collections.abc import Sequence

from launchyard.model.light import NamedTuple

_VERBOSITY = ("quiet", "q", "verbose", "v")
_NONE = ("none", "no")
_KNOWN = ("cores", "threads", "sockets", "ldoms", "boards", "rank", "rank_ldom", *_NONE)


class Binding(NamedTuple):
    """`kind`: cores and the like, rank, none, map_cpu or mask_cpu with its `words`; empty: not said."""

    kind: str = ""
    words: tuple[str, ...] = ()
    verbose: bool = False


def parse_binding(text: str | None) -> Binding:
    """What `--cpu-bind` says. Raises ValueError."""
    parts = (text or "").split(",")
    verbose = parts[0].lower() in ("verbose", "v")
    rest = ",".join(parts[1:] if parts[0].lower() in _VERBOSITY else parts)
    kind, colon, words = rest.partition(":")
    kind = kind.lower()
    if kind in ("map_cpu", "mask_cpu", "map_ldom", "mask_ldom") and colon:
        listed = tuple(one for word in words.split(",") for one in _repeated(word))
        for one in listed:
            int(one, 16 if kind.startswith("mask") else 0)
        return Binding(kind, listed, verbose)
    if kind and (kind not in _KNOWN or colon):
        raise ValueError(f"{text!r} is no way to bind")
    return Binding("none" if kind in _NONE else kind, (), verbose)


def _repeated(word: str) -> list[str]:
    """`0x3*4` is four times the same."""
    one, star, times = word.partition("*")
    return [one] * (min(int(times), 4096) if star else 1)


def bound(binding: Binding, ids: Sequence[int], tasks: int, each: int) -> list[list[int]]:
    """The CPUs of each of the node's tasks, of those that the step has there; empty: whatever those are.

    A task needs `each` of them. Where nothing is said and that is not what there is, they share them all.
    """
    if not binding.kind and each * tasks != len(ids):
        return [list(ids) for _ in range(tasks)]
    return [_of_task(binding, ids, each, local) for local in range(tasks)]


def _of_task(binding: Binding, ids: Sequence[int], each: int, local: int) -> list[int]:
    if binding.kind in ("map_cpu", "mask_cpu"):
        word = binding.words[local % len(binding.words)]
        return [int(word, 0)] if binding.kind == "map_cpu" else _bits(int(word, 16))
    if not ids or binding.kind not in ("", "cores", "threads", "rank"):
        return []
    if binding.kind == "rank":
        return [ids[local % len(ids)]]
    return [ids[one % len(ids)] for one in range(local * each, (local + 1) * each)]


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def binding_variables(binding: Binding, cpus: Sequence[Sequence[int]]) -> dict[str, str]:
    """SLURM_CPU_BIND and its kin; `cpus` are those of the node's tasks."""
    loud = "verbose" if binding.verbose else "quiet"
    if not cpus or not all(cpus):
        kind, listed = "none" if binding.kind == "none" else "", ""
    elif binding.kind == "rank":
        kind, listed = "rank", ""
    elif binding.kind == "map_cpu":
        kind, listed = "map_cpu:", ",".join(str(one[0]) for one in cpus)
    else:
        masks = [hex(sum(1 << cpu for cpu in one)) for one in cpus]
        kind, listed = "mask_cpu:", ",".join(masks if len(set(masks)) > 1 else masks[:1])
    return {
        "SLURM_CPU_BIND": f"{loud},{kind}{listed}" if kind else loud,
        "SLURM_CPU_BIND_LIST": listed,
        "SLURM_CPU_BIND_TYPE": kind,
        "SLURM_CPU_BIND_VERBOSE": loud,
    }

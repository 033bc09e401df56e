"""The top level of a slurm.conf: priorities, preemption, licences and bounds as our keys."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from launchyard.model.errors import Invalid
from launchyard.model.light import Any
from launchyard.model.wishes import checked_licences
from launchyard.slurm import confvalues as of
from launchyard.slurm.conf import Conf, Setting
from launchyard.slurm.confnames import KNOWN, why
from launchyard.slurm.confnotes import Notes

WEIGHTS = {
    "PriorityWeightAge": "age",
    "PriorityWeightFairshare": "fairshare",
    "PriorityWeightJobSize": "job_size",
    "PriorityWeightPartition": "partition",
    "PriorityWeightQOS": "qos",
}
TRES = {"cpu": "cpus", "mem": "memory", "gres/gpu": "gpus"}
USED = frozenset(WEIGHTS) | {
    *("PriorityType", "PriorityWeightTRES", "PriorityMaxAge", "PriorityDecayHalfLife", "PriorityFavorSmall"),
    *("PreemptType", "PreemptMode", "Licenses", "KillWait", "MaxBatchRequeue", "UnkillableStepTimeout"),
    *("ClusterName", "MinJobAge", "MaxArraySize", "PriorityFlags", "PrivateData", "ScronParameters"),
}
COUNTS = {
    "KillWait": ("grace_s", 0, 3_600),
    "MaxBatchRequeue": ("requeues_max", 0, 1_000_000),
    "UnkillableStepTimeout": ("unkillable_s", 1, 86_400),
}
"""Whole numbers of the top level: our key, the least, the most."""
NESTED = {"MinJobAge": ("min_job_age_s", 0, 86_400), "MaxArraySize": ("max_array_size", 2, 4_000_001)}
SUGGESTIONS_MAX = 100
PREEMPT_MODES = ("requeue", "cancel", "suspend")


def note_unused(conf: Conf, notes: Notes) -> None:
    """What has no place here, and what nobody knows."""
    unknown = 0
    for one in conf.settings:
        if not one.known:
            # Who has very many of them has another file in hand; looking for each would take its time.
            unknown += 1
            near = _nearest(one.name) if unknown <= SUGGESTIONS_MAX else ""
            notes.add(one.place, one.name, "unknown: no parameter of Slurm has this name" + near)
        elif one.name not in USED:
            notes.add(one.place, one.name, why(one.name))
    for record in conf.records:
        if record.kind in ("DownNodes", "FrontendName"):
            notes.add(record.place, f"{record.kind}={record.name}", why(record.kind))


def _nearest(name: str) -> str:
    near = get_close_matches(name.lower(), KNOWN, n=1)
    return f"; did you mean {KNOWN[near[0]]}?" if near else ""


def top(conf: Conf, notes: Notes) -> dict[str, Any]:
    """Keys that stand in no table; where nothing is said to be private everybody sees everybody's jobs."""
    private = conf.last("PrivateData")
    hidden = of.words(private.value.lower()) if private is not None else ()
    if private is not None and set(hidden) - {"jobs", "all", "none"}:
        notes.add(private.place, private.name, "of what may be private jobs alone are told apart here")
    return {**_counts(conf, COUNTS, notes), "jobs_visible_to_all": not {"jobs", "all"} & set(hidden)}


def site(conf: Conf, notes: Notes) -> dict[str, Any]:
    """`[slurm]`."""
    found = _counts(conf, NESTED, notes)
    name = conf.last("ClusterName")
    if name is not None and of.is_name(name.value):
        found = {"cluster": name.value, **found}
    cron = conf.last("ScronParameters")
    if cron is not None and "explicit_scancel" in cron.value.lower().split(","):
        found["explicit_scancel"] = True
    return found


def _counts(conf: Conf, keys: Mapping[str, tuple[str, int, int]], notes: Notes) -> dict[str, Any]:
    found = {}
    for name, (key, least, most) in keys.items():
        one = conf.last(name)
        if one is None:
            continue
        count = of.whole(one.value.rstrip("smin "), least, most)
        if count is None:
            notes.add(one.place, one.name, f"{one.value} is not between {least} and {most}; left out")
        else:
            found[key] = count
    return found


def licences(conf: Conf, notes: Notes) -> dict[str, int]:
    found: dict[str, int] = {}
    one = conf.last("Licenses")
    for word in of.words(one.value) if one is not None else ():
        name, _, count = word.replace("=", ":").partition(":")
        number = of.whole(count, 1) if count else 1
        try:
            checked_licences({name: number or 0})
        except Invalid as error:
            notes.add(one.place, f"{one.name}={word}", str(error)) if one is not None else None
            continue
        found[name] = number or 1
    return found


def scheduler(conf: Conf, billing: Iterable[str], notes: Notes) -> dict[str, Any]:
    """`[scheduler]`. `billing` are the TRESBillingWeights of the partitions."""
    found: dict[str, Any] = {"order": _order(conf, notes)}
    half_life = conf.last("PriorityDecayHalfLife")
    if half_life is not None:
        zero = not half_life.value.strip("0:-")
        value = of.UNLIMITED if zero else of.time(half_life.value)
        if value is None:
            notes.add(half_life.place, half_life.name, f"{half_life.value} is not understood; left out")
        else:
            found["half_life"] = value
    found["weights"] = _weights(conf, notes)
    found["billing"] = _billing(conf, list(billing))
    return found


def _order(conf: Conf, notes: Notes) -> str:
    """Without a word about it Slurm has multifactor where weights are given."""
    one = conf.last("PriorityType")
    if one is None:
        return "multifactor" if any(conf.last(name) for name in (*WEIGHTS, "PriorityWeightTRES")) else "fifo"
    kind = one.value.rpartition("/")[2].lower()
    if kind not in ("basic", "multifactor"):
        notes.add(one.place, one.name, f"{one.value} is not known here; the order is multifactor")
    return "fifo" if kind == "basic" else "multifactor"


def _weights(conf: Conf, notes: Notes) -> dict[str, Any]:
    """What is not said counts nothing, as with Slurm."""
    found: dict[str, Any] = {key: _weight(conf.last(name), notes) for name, key in WEIGHTS.items()}
    one = conf.last("PriorityWeightTRES")
    for name, text in of.tres(one.value).items() if one is not None else ():
        count = of.number(text)
        if name not in TRES or count is None:
            if one is not None:
                notes.add(one.place, f"{one.name} {name}", "only CPU, Mem and GRES/gpu have weights here")
            continue
        found[TRES[name]] = round(count)
    age = conf.last("PriorityMaxAge")
    if age is not None:
        value = of.time(age.value)
        if value is None:
            notes.add(age.place, age.name, f"{age.value} is not understood; left out")
        else:
            found["age_max"] = value
    small = conf.last("PriorityFavorSmall")
    if small is not None and of.truth(small.value):
        found["favor_small"] = True
    return found


def _weight(one: Setting | None, notes: Notes) -> int:
    if one is None:
        return 0
    count = of.whole(one.value)
    if count is None:
        notes.add(one.place, one.name, f"{one.value} is no weight; taken as 0")
    return count or 0


def _billing(conf: Conf, given: list[str]) -> dict[str, Any]:
    """Slurm charges CPUs alone where no partition says otherwise; partitions that differ cannot come over."""
    flags = conf.last("PriorityFlags")
    largest = flags is not None and "max_tres" in flags.value.lower()
    found: dict[str, Any] = {"cpu": 1.0, "memory_gib": 0.0, "gpu": 0.0, "sum": "max" if largest else "sum"}
    if len(set(given)) != 1:
        return found
    found.update(cpu=0.0)
    for name, text in of.tres(given[0]).items():
        unit = {"K": 1 << 20, "M": 1024, "G": 1, "T": 1 / 1024}.get(text[-1:].upper())
        count = of.number(text[:-1] if unit is not None else text)
        if count is None:
            continue
        if name == "cpu":
            found["cpu"] = count
        elif name == "mem":
            found["memory_gib"] = min(count * (1024 if unit is None else unit), 1e9)
        elif name.startswith("gres/gpu"):
            found["gpu"] = count
    return found


def preempt_mode(conf: Conf, notes: Notes) -> str | None:
    """How jobs of a QOS make room; None: nobody makes room."""
    kind, mode = conf.last("PreemptType"), conf.last("PreemptMode")
    name = "" if kind is None else kind.value.rpartition("/")[2].lower()
    if kind is not None and name == "partition_prio":
        notes.add(kind.place, kind.name, "jobs make room by QOS here; give the QOS of urgent jobs `preempts`")
    if name != "qos":
        return None
    if kind is not None:
        notes.add(
            kind.place,
            kind.name,
            "who makes room for whom stands in no slurm.conf; write `preempts` of a QOS",
        )
    words = [] if mode is None else [word.lower() for word in of.words(mode.value)]
    return next((word for word in words if word in PREEMPT_MODES), "requeue" if not words else None)

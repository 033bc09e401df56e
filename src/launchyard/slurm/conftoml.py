"""A slurm.conf, with what goes with it, as the tables of our configuration; and what was left out."""

from launchyard.model.light import Any, NamedTuple
from launchyard.slurm import confaccounts, confnodes, confpartitions, confrules
from launchyard.slurm.conf import Conf
from launchyard.slurm.confnotes import Note, Notes
from launchyard.slurm.confvalues import nodes as expanded

OURS = ("normal", "interactive")
"""QOS that are there when nobody names them."""


class Turned(NamedTuple):
    """`tables` by name as `config.text.tables_text` writes them, `top` the keys that stand in none."""

    top: dict[str, Any]
    tables: dict[str, Any]
    notes: list[Note]


def turned(conf: Conf, gres: str = "", accounts: tuple[str, str] | None = None) -> Turned:
    """`gres` is the text of a gres.conf, `accounts` the file and the text of what `sacctmgr dump` wrote."""
    notes = Notes()
    confrules.note_unused(conf, notes)
    nodes = confnodes.tables(conf, confnodes.read_gres(gres), notes)
    names = [name for table in nodes for name in expanded(table["name"]) or ()]
    empty = confaccounts.Dumped([], [], set())
    dumped = empty if accounts is None else confaccounts.tables(accounts[1], accounts[0], notes)
    known = [table["name"] for table in dumped.accounts]
    partitions, named = confpartitions.tables(conf, dict.fromkeys(names), known, notes)
    charging = [
        record
        for record in confnodes.with_defaults(conf.of_kind("PartitionName"))
        if "tresbillingweights" in record.values
    ]
    billing = [record.values["tresbillingweights"] for record in charging]
    for record in charging if len(set(billing)) > 1 else ():
        notes.of(
            record, "tresbillingweights", "billing is one for the cluster; partitions differ, so CPUs count"
        )
    qos = _qos(dumped.qos | named, confrules.preempt_mode(conf, notes))
    tables = {
        "licences": confrules.licences(conf, notes),
        "slurm": confrules.site(conf, notes),
        "scheduler": confrules.scheduler(conf, billing, notes),
        "nodes": nodes,
        "partitions": partitions,
        "qos": qos,
        "accounts": dumped.accounts,
        "users": dumped.users,
    }
    return Turned(confrules.top(conf, notes), {k: v for k, v in tables.items() if v}, notes.sorted())


def _qos(names: set[str], mode: str | None) -> list[dict[str, Any]]:
    """What a slurm.conf knows of a QOS is its name; the rest is in Slurm's database."""
    how = {} if mode in (None, "requeue") else {"preempt_mode": mode}
    return [{"name": name, **how} for name in sorted(names) if name not in OURS or how]

"""What stands around every JSON answer of the commands: `meta`, `errors`, `warnings`."""

from collections.abc import Sequence

from launchyard.model import lightjson
from launchyard.model.light import Any
from launchyard.slurm.version import data_parser


def meta(version: str, cluster: str, command: Sequence[str], user: str, group: str) -> dict[str, Any]:
    """Who asked what of which version."""
    major, minor, micro = (*version.split("."), "0", "0")[:3]
    return {
        "plugin": {
            "type": "",
            "name": "",
            "data_parser": f"data_parser/{data_parser(version)}",
            "accounting_storage": "accounting_storage/slurmdbd",
        },
        "client": {"source": "", "user": user, "group": group},
        "command": list(command),
        "slurm": {
            "version": {"major": major, "micro": micro, "minor": minor},
            "release": version,
            "cluster": cluster,
        },
    }


def ending(meta: dict[str, Any], more: dict[str, Any] | None = None) -> str:
    """What follows the list, from the comma after it to the last brace."""
    return "," + lightjson.write({**(more or {}), "meta": meta, "errors": [], "warnings": []})[1:]

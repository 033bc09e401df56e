"""What is wished of nodes, as a person says it, in the keys of `resources` of `POST /v1/jobs`."""

from collections.abc import Mapping
from typing import Any

from launchyard.model.wishes import parse_gpus, parse_licences, parse_nodes

_AS_THEY_ARE = (
    "gpu_type",
    "nodes_max",
    "tasks",
    "tasks_per_node",
    "exclusive",
    "constraint",
    "nodelist",
    "exclude",
    "reservation",
)


def wishes(given: Mapping[str, Any]) -> dict[str, Any]:
    """`gpus` may be `"a100:2"`, `nodes` `"2-4"`, `licences` `"matlab:2,ansys"`. Raises `Invalid`."""
    body = {name: given[name] for name in _AS_THEY_ARE if name in given}
    if isinstance(nodes := given.get("nodes"), str):
        body["nodes"], most = parse_nodes(nodes)
        body.pop("nodes_max", None)
        if most is not None:
            body["nodes_max"] = most
    elif nodes is not None:
        body["nodes"] = nodes
    if isinstance(gpus := given.get("gpus"), str):
        type_, milli = parse_gpus(gpus)
        body["gpus"] = milli / 1000 if milli % 1000 else milli // 1000
        if type_ is not None:
            body["gpu_type"] = type_
    elif gpus is not None:
        body["gpus"] = gpus
    licences = given.get("licences")
    if licences is not None:
        text = isinstance(licences, str)
        body["licences"] = dict(parse_licences(licences) if text and licences.strip() else licences or {})
    return body

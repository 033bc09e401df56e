"""The columns of sacctmgr: names, heads, widths, and those of each list by default."""

from collections.abc import Mapping, Sequence

from launchyard.model.light import NamedTuple


class Field(NamedTuple):
    key: str
    head: str
    width: int


_WIDTHS: Mapping[str, tuple[str, int]] = {
    "account": ("Account", 10),
    "admin": ("Admin", 9),
    "cluster": ("Cluster", 10),
    "controlhost": ("ControlHost", 15),
    "controlport": ("ControlPort", 12),
    "coordinators": ("Coord Accounts", 20),
    "defaultaccount": ("Def Acct", 10),
    "defaultqos": ("Def QOS", 9),
    "description": ("Descr", 20),
    "event": ("Event", 7),
    "flags": ("Flags", 40),
    "gracetime": ("GraceTime", 10),
    "grpjobs": ("GrpJobs", 7),
    "grpcpumins": ("GrpCPUMins", 11),
    "grpcpus": ("GrpCPUs", 8),
    "grpmem": ("GrpMem", 7),
    "grpnodes": ("GrpNodes", 8),
    "grpsubmit": ("GrpSubmit", 9),
    "grptres": ("GrpTRES", 13),
    "grptresmins": ("GrpTRESMins", 13),
    "grptresrunmins": ("GrpTRESRunMins", 13),
    "grpwall": ("GrpWall", 11),
    "id": ("ID", 6),
    "maxcpumins": ("MaxCPUMins", 11),
    "maxcpus": ("MaxCPUs", 8),
    "maxjobs": ("MaxJobs", 7),
    "maxjobspa": ("MaxJobsPA", 9),
    "maxjobspu": ("MaxJobsPU", 9),
    "maxnodes": ("MaxNodes", 8),
    "maxsubmit": ("MaxSubmit", 9),
    "maxsubmitpa": ("MaxSubmitPA", 11),
    "maxsubmitpu": ("MaxSubmitPU", 11),
    "maxtres": ("MaxTRES", 13),
    "maxtresmins": ("MaxTRESMins", 13),
    "maxtrespa": ("MaxTRESPA", 13),
    "maxtrespernode": ("MaxTRESPerNode", 14),
    "maxtrespu": ("MaxTRESPU", 13),
    "maxwall": ("MaxWall", 11),
    "mintres": ("MinTRES", 13),
    "name": ("Name", 10),
    "nodename": ("NodeName", -15),
    "organization": ("Org", 20),
    "parentname": ("ParentName", 10),
    "partition": ("Partition", 10),
    "preempt": ("Preempt", 10),
    "preemptexempttime": ("PreemptExemptTime", 19),
    "preemptmode": ("PreemptMode", 11),
    "priority": ("Priority", 10),
    "problem": ("Problem", 40),
    "qos": ("QOS", 20),
    "reason": ("Reason", 30),
    "rpc": ("RPC", 5),
    "share": ("Share", 9),
    "state": ("State", 6),
    "timeend": ("TimeEnd", 19),
    "timestart": ("TimeStart", 19),
    "tresname": ("Name", 15),
    "type": ("Type", 8),
    "usagefactor": ("UsageFactor", 11),
    "usagethreshold": ("UsageThres", 10),
    "user": ("User", 10),
    "wckey": ("WCKey", 10),
}
_ALIASES = {
    "adminlevel": "admin",
    "acct": "account",
    "defaultacct": "defaultaccount",
    "defacct": "defaultaccount",
    "defqos": "defaultqos",
    "fairshare": "share",
    "grpsubmitjobs": "grpsubmit",
    "maxsubmitjobs": "maxsubmit",
    "maxtresperjob": "maxtres",
    "maxtresminsperjob": "maxtresmins",
    "maxtresperuser": "maxtrespu",
    "maxjobsperuser": "maxjobspu",
    "maxsubmitjobsperuser": "maxsubmitpu",
    "maxtresperaccount": "maxtrespa",
    "maxjobsperaccount": "maxjobspa",
    "maxsubmitjobsperaccount": "maxsubmitpa",
    "maxwalldurationperjob": "maxwall",
    "qoslevel": "qos",
    "rawshares": "share",
    "shares": "share",
    "coordinator": "coordinators",
}
_ASSOCIATION = (
    "share priority grpjobs grptres grpsubmit grpwall grptresmins maxjobs maxtres maxtrespernode maxsubmit "
    "maxwall maxtresmins qos defaultqos grptresrunmins"
)
_OLD_LIMITS = "maxjobs maxnodes maxcpus maxsubmit maxwall maxcpumins qos defaultqos"
DEFAULTS: Mapping[str, str] = {
    "account": "account description organization",
    "association": f"cluster account user partition {_ASSOCIATION}",
    "cluster": (
        "cluster controlhost controlport rpc share grpjobs grptres grpsubmit maxjobs maxtres maxsubmit "
        "maxwall qos defaultqos"
    ),
    "event": "cluster nodename timestart timeend state reason user",
    "problem": "cluster account user problem",
    "qos": (
        "name priority gracetime preempt preemptexempttime preemptmode flags usagethreshold usagefactor "
        "grptres grptresmins grptresrunmins grpjobs grpsubmit grpwall maxtres maxtrespernode maxtresmins "
        "maxwall maxtrespu maxjobspu maxsubmitpu maxtrespa maxjobspa maxsubmitpa mintres"
    ),
    "tres": "type tresname id",
    "user": "user defaultaccount admin",
    "wckey": "wckey cluster user",
}
WITH_ASSOCIATIONS: Mapping[str, str] = {
    "user": f"user defaultaccount admin cluster account partition share priority {_OLD_LIMITS}",
    "account": (
        "account description organization cluster parentname user share priority grpjobs grpnodes grpcpus "
        f"grpmem grpsubmit grpwall grpcpumins {_OLD_LIMITS}"
    ),
}


def chosen(kind: str, text: str | None, *, associations: bool) -> list[Field] | str:
    """The columns: by default, or of `user%5,account%-20`. An unknown name comes back as it is."""
    if text is None:
        names = (WITH_ASSOCIATIONS if associations else {}).get(kind, DEFAULTS[kind])
        return [Field(key, *_WIDTHS[key]) for key in names.split()]
    fields = []
    for word in filter(None, text.split(",")):
        written, _, width = word.partition("%")
        key = _key(kind, written.strip().lower())
        if key is None:
            return written
        head, least = _WIDTHS[key]
        fields.append(Field(key, head, int(width) if width.lstrip("-").isdecimal() else least))
    return fields


def _key(kind: str, name: str) -> str | None:
    """Beginnings are enough; `name` is what the list is of."""
    if name == "name" and kind in ("user", "account", "cluster"):
        return kind
    if name == "name" and kind == "tres":
        return "tresname"
    if name in _WIDTHS:
        return name
    if name in _ALIASES:
        return _ALIASES[name]
    both = {**{key: key for key in _WIDTHS}, **_ALIASES}
    return next((key for alias, key in both.items() if len(name) > 2 and alias.startswith(name)), None)


def printed(
    fields: Sequence[Field], rows: Sequence[Mapping[str, str]], *, header: bool, parsable: str
) -> list[str]:
    """`parsable`: empty, `|` between, or `||`: a `|` after the last too."""
    texts = [[row.get(field.key, "") for field in fields] for row in rows]
    if parsable:
        heads = [[field.head for field in fields]] if header else []
        end = "|" if parsable == "||" else ""
        return ["|".join(line) + end for line in [*heads, *texts]]
    lines: list[str] = []
    if header:
        lines.append("".join(_cell(field.head, field.width, mark=False) for field in fields))
        lines.append("".join("-" * abs(field.width) + " " for field in fields))
    return lines + [
        "".join(_cell(text, field.width) for text, field in zip(line, fields, strict=True)) for line in texts
    ]


def _cell(text: str, width: int, *, mark: bool = True) -> str:
    size = abs(width)
    if len(text) > size:
        text = text[: size - 1] + "+" if mark else text[:size]
    return (text.ljust(size) if width < 0 else text.rjust(size)) + " "

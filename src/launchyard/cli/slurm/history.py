"""Jobs and steps of the past and the present, as the server's accounting table has them."""

from collections.abc import Mapping, Sequence

from launchyard.cli.slurm.server import Server
from launchyard.model.light import Any

COLUMNS = """id name user uid account partition cluster qos kind state reason_code reason_scope cause
exit_code signal nodes held array_size array_pending array_ended array_throttle task_array task_index part_of
submitted_at eligible_at begun_at ended_at time_limit_s suspended_s suspended_at
cpus_asked_milli memory_asked_mib asked_gpus asked_nodes constraint licences reservation
got_cpus_milli got_memory_mib got_gpus got_on_first
attempt cpu_s memory_peak_mib read_mib written_mib past"""
PRIVATE = "metadata working_dir"
STEP_COLUMNS = """job_id attempt step name state exit_code signal cause started_at ended_at nodes tasks
cpus_milli memory_mib gpus cpu_s memory_peak_mib"""
IDS_AT_ONCE = 1_000

Row = Mapping[str, Any]


def rows_of(
    server: Server,
    *,
    ids: Sequence[str] | None = None,
    since: float = 0,
    until: float | None = None,
    users: str = "",
    accounts: str = "",
    partitions: str = "",
    names: str = "",
    clusters: str = "",
    columns: str = f"{COLUMNS} {PRIVATE}",
) -> list[Row]:
    """The rows of jobs, by column; of these ids alone where some are given."""
    keys = columns.split()
    found: dict[int, Row] = {}
    for part in [None] if ids is None else parts(ids):
        for row in server.table(
            "accounting",
            columns,
            ids=part,
            since=since or None,
            until=until,
            users=users or None,
            accounts=accounts or None,
            partitions=partitions or None,
            names=names or None,
            clusters=clusters or None,
        ):
            found[row[0]] = dict(zip(keys, row, strict=True))
    return list(found.values())


def parts(ids: Sequence[str]) -> list[str | None]:
    """Ids that can be jobs, some at once."""
    asked = [id for id in (id.lstrip("0") for id in ids) if id[:1].isdigit() and "+" not in id]
    return [",".join(asked[start : start + IDS_AT_ONCE]) for start in range(0, len(asked), IDS_AT_ONCE)]


def steps_of(
    server: Server, rows: Sequence[Row], columns: str = STEP_COLUMNS
) -> dict[tuple[int, int], list[Row]]:
    """The steps of these jobs, by job and attempt. Of very many jobs all steps since then are asked for."""
    found: dict[tuple[int, int], list[Row]] = {}
    begun = [row for row in rows if row["begun_at"] is not None or row["past"]]
    keys = columns.split()
    several = len(begun) > IDS_AT_ONCE
    since = min((row["submitted_at"] for row in begun), default=0) if several else None
    for part in [None] if several else parts([str(row["id"]) for row in begun]):
        for step in server.table("steps", columns, jobs=part, since=since):
            row = dict(zip(keys, step, strict=True))
            found.setdefault((row["job_id"], row["attempt"]), []).append(row)
    return found

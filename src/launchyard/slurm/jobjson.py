"""Jobs as JSON, as the data parser v0.0.40 of 23.11 shapes it: `{set, infinite, number}`, lists of states.

Made a column at a time and joined: ten thousand jobs are tens of megabytes of text, most of it the same in
each of them.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

from launchyard.model.light import Any
from launchyard.model.lightjson import quoted as _quoted
from launchyard.slurm import jobvalues as of
from launchyard.slurm import kept
from launchyard.slurm.facts import Facts, array_text, each
from launchyard.slurm.states import WORDS

Texts = Sequence[str]
Make = Callable[[Facts], Texts]

UNSET = '{"set":false,"infinite":false,"number":0}'
INFINITE = '{"set":false,"infinite":true,"number":0}'
EMPTY, LIST, FALSE, ZERO, OBJECT = '""', "[]", "false", "0", "{}"
BOOLS = {True: "true", False: "false"}


def number(value: float | None) -> str:
    """A number that may be missing."""
    return UNSET if value is None else f'{{"set":true,"infinite":false,"number":{value}}}'


def _each(column: str, write: Callable[[Any], str]) -> Make:
    return lambda facts: each(write, facts[column])


def _text(column: str) -> Make:
    return lambda facts: [_quoted(value or "") for value in facts[column]]


def _time(column: str) -> Make:
    return _moments(lambda facts: facts[column])


def _whole(column: str) -> Make:
    return lambda facts: [str(int(value or 0)) for value in facts[column]]


def _number(column: str) -> Make:
    return _each(column, number)


def _flag(column: str) -> Make:
    return _each(column, lambda value: BOOLS[bool(value)])


def _listed(column: str) -> Make:
    return lambda facts: [_quoted(",".join(one or ())) for one in facts[column]]


def _kept(name: str) -> Make:
    return lambda facts: [_quoted(one) for one in facts.kept(name)]


def _of_part(write: Callable[[int, int, int], str], none: str) -> Make:
    return lambda facts: [none if one is None else write(*one) for one in facts["part_of"]]


def _quote(make: Make) -> Make:
    """Texts of a column, as JSON."""
    return lambda facts: [_quoted(one) if one != of.NONE else EMPTY for one in make(facts)]


def _numbers(make: Make) -> Make:
    return lambda facts: [f'{{"set":true,"infinite":false,"number":{one}}}' for one in make(facts)]


def _or_empty(make: Callable[[Facts], Texts]) -> Make:
    return lambda facts: each(lambda one: EMPTY if one == "N/A" else _quoted(one), make(facts))


def _moments(make: Callable[[Facts], Iterable[float | None]]) -> Make:
    return lambda facts: each(number, [int(one or 0) for one in make(facts)])


def _ends(facts: Facts) -> Iterable[float | None]:
    return (
        ended if ended is not None else None if start is None or most is None else start + most
        for ended, start, most in zip(facts["ended_at"], of.starts(facts), facts["time_limit_s"], strict=True)
    )


def _minutes(column: str) -> Make:
    return _each(column, lambda seconds: INFINITE if seconds is None else number(-(-int(seconds) // 60)))


def _exit(facts: Facts) -> Texts:
    return each(_exit_status, zip(facts["exit_code"], facts["signal"], strict=True))


def _exit_status(pair: tuple[int | None, int | None]) -> str:
    code, signal = pair
    status = "SIGNALED" if signal else "ERROR" if code else "SUCCESS"
    name = _quoted(of.SIGNALS.get(signal, str(signal)) if signal else "")
    return (
        f'{{"status":["{status}"],"return_code":{number(code or 0)},'
        f'"signal":{{"id":{number(signal)},"name":{name}}}}}'
    )


def _array_job(facts: Facts) -> Texts:
    """The array's id, of a task or of the record; 0 of what is no array."""
    return [
        number(array if array is not None else id if pending is not None else 0)
        for id, pending, array in zip(facts["id"], facts["array_pending"], facts["task_array"], strict=True)
    ]


def _array_text(facts: Facts) -> Texts:
    longest = facts.around.array_text_max
    return [
        _quoted(array_text(pending, throttle, longest)) if pending else EMPTY
        for pending, throttle in zip(facts["array_pending"], facts["array_throttle"], strict=True)
    ]


def _states(facts: Facts) -> Texts:
    known = {state: "[" + ",".join(map(_quoted, word.list)) + "]" for state, word in WORDS.items()}
    return [known[state] for state in facts["state"]]


def _resources(facts: Facts) -> Texts:
    return [
        _allocation(shares, nodes) for shares, nodes in zip(facts["shares"], facts["nodelist"], strict=True)
    ]


def _allocation(shares: Sequence[Sequence[Any]], nodes: str) -> str:
    if not shares:
        return OBJECT
    cpus = sum(-(-one[1] // 1000) for one in shares)
    each = ",".join(
        f'{{"sockets":{_cores(one[3])},"nodename":{_quoted(one[0])},"cpus_used":{-(-one[1] // 1000)},'
        f'"memory_used":0,"memory_allocated":{one[2]}}}'
        for one in shares
    )
    return (
        f'{{"nodes":{_quoted(nodes)},"allocated_cores":{cpus},"allocated_cpus":{cpus},'
        f'"allocated_hosts":{len(shares)},"allocated_nodes":[{each}]}}'
    )


def _cores(cpu_ids: Sequence[int]) -> str:
    return '{"0":{"cores":{' + ",".join(f'"{one}":"allocated"' for one in cpu_ids) + "}}}"


def _memory_a_node(facts: Facts) -> Texts:
    return each(_of_one_node, zip(facts["memory_mib"], facts["node_count"], strict=True))


def _of_one_node(pair: tuple[int, int]) -> str:
    mib, nodes = pair
    return number(mib // max(1, nodes))


def _groups(facts: Facts) -> Texts:
    return [_quoted(facts.around.group(uid)[1]) for uid in facts["uid"]]


def _cluster(facts: Facts) -> Texts:
    return [_quoted(name) for name in facts.clusters]


def _allocated(facts: Facts) -> Texts:
    return [
        _quoted(text) if shares else EMPTY
        for text, shares in zip(of.tres(facts), facts["nodelist"], strict=True)
    ]


_NEEDED = (
    f"{' '.join(kept.SHOWN)} "
    f"{of.IDS} {of.WHY} {of.TIMES} {of.STARTS} {of.TRES} account array_size batch nodes nodelist "
    "constraint dependency deadline_at eligible_at exclude held licences name nice nodes_max user uid "
    "partition qos priority nodelist_asked requeue restarts reservation exclusive shares stdout_path "
    "stderr_path submitted_at time_limit_s time_min_s task_count cpus_asked_milli tasks_per_node gpu_type "
    "gpus_asked working_dir cron"
)
NEEDS = list(dict.fromkeys(_NEEDED.split()))
"""The server's columns that a job's JSON is made of."""

_ELIGIBLE = _time("eligible_at")

PARTS: dict[str, str | Make] = {
    "account": _text("account"),
    "accrue_time": _ELIGIBLE,
    "admin_comment": _kept("slurm.admin_comment"),
    "allocating_node": _kept("slurm.submit_host"),
    "array_job_id": _array_job,
    "array_task_id": _number("task_index"),
    "array_max_tasks": _each("array_throttle", lambda value: number(value or 0)),
    "array_task_string": _array_text,
    "association_id": ZERO,
    "batch_features": EMPTY,
    "batch_flag": _flag("batch"),
    "batch_host": lambda facts: [_quoted(one[0]) if one else EMPTY for one in facts["nodes"]],
    "flags": LIST,
    "burst_buffer": EMPTY,
    "burst_buffer_state": EMPTY,
    "cluster": _cluster,
    "cluster_features": EMPTY,
    "command": _kept("slurm.command"),
    "comment": _kept("slurm.comment"),
    "container": _kept("slurm.container"),
    "container_id": _kept("slurm.container-id"),
    "contiguous": FALSE,
    "core_spec": ZERO,
    "thread_spec": "32766",
    "cores_per_socket": UNSET,
    "billable_tres": _numbers(lambda facts: [f"{one}.0" for one in of.cpus(facts)]),
    "cpus_per_task": _numbers(of.cpus_a_task),
    "cpu_frequency_minimum": UNSET,
    "cpu_frequency_maximum": UNSET,
    "cpu_frequency_governor": UNSET,
    "cpus_per_tres": EMPTY,
    "cron": _each("cron", lambda spec: _quoted(spec) if spec else EMPTY),
    "deadline": _time("deadline_at"),
    "delay_boot": number(0),
    "dependency": _text("dependency"),
    "derived_exit_code": _exit,
    "eligible_time": _ELIGIBLE,
    "end_time": _moments(_ends),
    "excluded_nodes": _listed("exclude"),
    "exit_code": _exit,
    "extra": _kept("slurm.extra"),
    "failed_node": EMPTY,
    "features": _text("constraint"),
    "federation_origin": EMPTY,
    "federation_siblings_active": EMPTY,
    "federation_siblings_viable": EMPTY,
    "gres_detail": LIST,
    "group_id": of.group_id,
    "group_name": _groups,
    "het_job_id": _of_part(lambda job, *_: number(job), number(0)),
    "het_job_id_set": _of_part(lambda job, _, count: f'"{job}-{job + count - 1}"', EMPTY),
    "het_job_offset": _of_part(lambda _, part, __: number(part), number(0)),
    "job_id": _whole("id"),
    "job_resources": _resources,
    "job_size_str": LIST,
    "job_state": _states,
    "last_sched_evaluation": _ELIGIBLE,
    "licenses": _quote(of.licences),
    "mail_type": LIST,
    "mail_user": _kept("slurm.mail-user"),
    "max_cpus": number(0),
    "max_nodes": _each("nodes_max", lambda value: number(value or 0)),
    "mcs_label": EMPTY,
    "memory_per_tres": EMPTY,
    "name": _text("name"),
    "network": EMPTY,
    "nodes": _text("nodelist"),
    "nice": _whole("nice"),
    "tasks_per_core": UNSET,
    "tasks_per_tres": UNSET,
    "tasks_per_node": _each("tasks_per_node", lambda value: number(value or 0)),
    "tasks_per_socket": UNSET,
    "tasks_per_board": number(0),
    "cpus": _numbers(of.cpus),
    "node_count": _number("node_count"),
    "tasks": _number("task_count"),
    "partition": _text("partition"),
    "prefer": EMPTY,
    "memory_per_cpu": UNSET,
    "memory_per_node": _memory_a_node,
    "minimum_cpus_per_node": _numbers(of.cpus_a_node),
    "minimum_tmp_disk_per_node": number(0),
    "power": '{"flags":[]}',
    "preempt_time": number(0),
    "preemptable_time": number(0),
    "pre_sus_time": number(0),
    "hold": _flag("held"),
    "priority": _number("priority"),
    "profile": '["NOT_SET"]',
    "qos": _text("qos"),
    "reboot": FALSE,
    "required_nodes": _listed("nodelist_asked"),
    "minimum_switches": ZERO,
    "requeue": _flag("requeue"),
    "resize_time": number(0),
    "restart_cnt": _whole("restarts"),
    "resv_name": _text("reservation"),
    "scheduled_nodes": EMPTY,
    "selinux_context": EMPTY,
    "shared": LIST,
    "exclusive": _each("exclusive", lambda value: '["true"]' if value else LIST),
    "oversubscribe": _each("exclusive", lambda value: BOOLS[not value]),
    "show_flags": '["ALL","DETAIL","LOCAL"]',
    "sockets_per_board": ZERO,
    "sockets_per_node": UNSET,
    "start_time": _moments(of.starts),
    "state_description": EMPTY,
    "state_reason": _quote(of.reason),
    "standard_error": _text("stderr_path"),
    "standard_input": lambda facts: [_quoted(one) for one in facts.kept("slurm.input", "/dev/null")],
    "standard_output": _text("stdout_path"),
    "submit_time": _time("submitted_at"),
    "suspend_time": _time("suspended_at"),
    "system_comment": EMPTY,
    "time_limit": _minutes("time_limit_s"),
    "time_minimum": _each("time_min_s", lambda value: number(int(value or 0) // 60)),
    "threads_per_core": UNSET,
    "tres_bind": EMPTY,
    "tres_freq": EMPTY,
    "tres_per_job": _or_empty(of.gpus_a_job),
    "tres_per_node": _or_empty(of.gres),
    "tres_per_socket": _or_empty(of.gpus_a_socket),
    "tres_per_task": _or_empty(of.gpus_a_task),
    "tres_req_str": _quote(of.tres),
    "tres_alloc_str": _allocated,
    "user_id": _whole("uid"),
    "user_name": _text("user"),
    "maximum_switch_wait_time": ZERO,
    "wckey": _kept("slurm.wckey"),
    "current_working_directory": _text("working_dir"),
}


def jobs(facts: Facts) -> Iterable[str]:
    """Each job as an object: what is the same in all of them, with what is not in between."""
    if not facts.count:
        return []
    pieces: list[Iterable[str]] = []
    made: dict[str | Make, Texts] = {}
    same = "{"
    for key, part in PARTS.items():
        if part not in made:
            made[part] = [part] if isinstance(part, str) else facts.texts(part)
        texts = made[part]
        same += f'"{key}":'
        if texts[0] == texts[-1] and texts.count(texts[0]) == len(texts):
            same += f"{texts[0]},"
        else:
            pieces += [repeat(same), texts]
            same = ","
    pieces.append([f"{same[:-1]}}}"] * facts.count)
    return map("".join, zip(*pieces, strict=False))

"""The pure parts of srun: the file of programs, names of output files, ends of tasks, binding, ranks."""

import pytest

from launchyard.slurm.binding import Binding, binding_variables, bound, parse_binding
from launchyard.slurm.multiprog import NOT_DEFINED, BadFile, programs
from launchyard.slurm.ranks import compress_ranks, counted, parse_ranks
from launchyard.slurm.stepends import OUT_OF_MEMORY, exit_code, sentences
from launchyard.slurm.stepfiles import ALL, FILE, NONE, RANK, Place, Way, file_name, step_letters, way_of
from launchyard.slurm.stepvariables import gpu_variables, node_variables, step_variables

FAILED_7, SEGV, TERM = 7 << 8, 11, 15
NODES = [
    {"node": "n1", "position": 0, "tasks": [0, 1], "cpus": 2, "cpu_ids": [4, 5], "gpu_ids": []},
    {"node": "n2", "position": 1, "tasks": [2], "cpus": 0.5, "cpu_ids": [], "gpu_ids": [1, 3]},
]


def test_ranks_are_joined_where_they_are_neighbours() -> None:
    assert compress_ranks([5, 0, 1, 2, 3]) == "0-3,5"


def test_ranks_are_read_back() -> None:
    assert parse_ranks("4-6,1") == [4, 5, 6, 1]


@pytest.mark.parametrize("text", ["", "a", "3-1", "0-999999", "-1", "1,,2", "99999999999", "²"])
def test_what_is_no_list_of_ranks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no"):
        parse_ranks(text)


def test_neighbours_that_are_alike_are_counted() -> None:
    assert counted([2, 2, 1]) == "2(x2),1"


def test_programs_of_ranks_get_their_rank_and_offset() -> None:
    text = "# a comment\n4-5 hostname\n1  echo task:%t\n0,2-3 echo offset:%o\n"

    found = programs(text, 6)

    assert found == [
        ["echo", "offset:0"],
        ["echo", "task:1"],
        ["echo", "offset:1"],
        ["echo", "offset:2"],
        ["hostname"],
        ["hostname"],
    ]


def test_a_star_stands_for_the_ranks_not_named_before() -> None:
    assert programs("0 master\n* worker %t\n", 3) == [["master"], ["worker", "1"], ["worker", "2"]]


def test_single_quotes_keep_words_from_being_filled() -> None:
    assert programs("* echo '%t of all' \"rank %t\" a'%o'b%o\n", 1) == [
        ["echo", "%t of all", "rank 0", "a%ob0"]
    ]


def test_arguments_of_the_command_line_follow() -> None:
    assert programs("* a\n", 1, ["-x"]) == [["a", "-x"]]


def test_a_line_may_go_on_after_a_backslash() -> None:
    assert programs("* echo \\\n more\n", 1) == [["echo", "more"]]


def test_a_task_without_a_program_is_refused() -> None:
    with pytest.raises(BadFile, match=NOT_DEFINED):
        programs("0 a\n", 2)


@pytest.mark.parametrize("text", ["0\n", "x a\n", "0 'a\n", "1-0 a\n"])
def test_a_line_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(BadFile, match="line 1"):
        programs(text, 1)


def test_ways_of_output_are_told_apart() -> None:
    texts = [None, "all", "NONE", "3", "out.%t"]
    expected = [Way(ALL), Way(ALL), Way(NONE), Way(RANK, rank=3), Way(FILE, name="out.%t")]
    assert [way_of(text) for text in texts] == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("job%J.out", "job128.0.out"),
        ("job%4j.out", "job0128.out"),
        ("job%j-%2t.out", "job128-03.out"),
        ("%x-%u-%N-%n-%s", "na_me-ada-n2-1-0"),
        ("%A_%a", "128_4294967294"),
        ("100%%", "100%"),
        ("%q%", "%q%"),
        (r"\plain%j", "plain%j"),
    ],
)
def test_names_of_files_are_made_of_patterns(pattern: str, expected: str) -> None:
    letters = step_letters({}, 128, 0, "ada", "na/me")
    assert file_name(pattern, Place(letters, 3, "n2.site.org", 1)) == expected


def test_tasks_of_an_array_have_its_id_and_their_index() -> None:
    environ = {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "4"}
    assert file_name("%A_%a", Place(step_letters(environ, 9, 0, "", ""), 0, "n1", 0)) == "7_4"


def test_the_exit_code_is_the_highest_and_signals_count_128_more() -> None:
    assert exit_code([0, FAILED_7, 0]) == 7
    assert exit_code([FAILED_7, SEGV]) == 139
    assert exit_code([]) == 0


def test_a_task_that_was_short_of_memory_is_told_so() -> None:
    assert exit_code([OUT_OF_MEMORY]) == 1
    assert sentences({0: OUT_OF_MEMORY}, {0: "n1"}) == ["n1: task 0: Out Of Memory"]


def test_ends_are_told_once_for_the_tasks_of_a_node_that_ended_alike() -> None:
    ended = {0: FAILED_7, 1: FAILED_7, 2: SEGV, 3: 0, 4: FAILED_7}
    nodes = {0: "n1", 1: "n1", 2: "n1", 3: "n2", 4: "n2"}

    assert sentences(ended, nodes) == [
        "n1: tasks 0-1: Exited with exit code 7",
        "n1: task 2: Segmentation fault",
        "n2: task 4: Exited with exit code 7",
    ]


def test_each_task_has_its_block_of_the_cpus() -> None:
    assert bound(parse_binding(None), [4, 5, 6, 7], tasks=2, each=2) == [[4, 5], [6, 7]]


@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_tasks_that_need_another_number_of_cpus_than_there_are_share_them_all(tasks: int) -> None:
    assert bound(parse_binding(None), [4, 5, 6, 7], tasks, each=1) == [[4, 5, 6, 7]] * tasks


def test_tasks_bound_to_cores_have_no_more_than_they_need() -> None:
    cores = parse_binding("cores")
    assert bound(cores, [4, 5, 6, 7], tasks=1, each=1) == [[4]]
    assert bound(cores, [4, 5], tasks=3, each=1) == [[4], [5], [4]]


def test_where_cpus_are_not_pinned_no_task_is_bound() -> None:
    assert bound(Binding(), [], tasks=2, each=1) == [[], []]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", [[], []]),
        ("rank", [[4], [5]]),
        ("map_cpu:7,6", [[7], [6]]),
        ("verbose,mask_cpu:0x3,C", [[0, 1], [2, 3]]),
        ("map_cpu:1*2", [[1], [1]]),
    ],
)
def test_ways_to_bind(text: str, expected: list[list[int]]) -> None:
    assert bound(parse_binding(text), [4, 5, 6, 7], tasks=2, each=2) == expected


@pytest.mark.parametrize("text", ["tight", "map_cpu:x", "cores:1"])
def test_an_unknown_way_to_bind_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_binding(text)


def test_the_binding_is_told_in_variables() -> None:
    told = binding_variables(Binding(), [[0, 1], [2]])
    assert told["SLURM_CPU_BIND"] == "quiet,mask_cpu:0x3,0x4"
    assert told["SLURM_CPU_BIND_TYPE"] == "mask_cpu:"
    assert binding_variables(Binding(), [[0, 1], [0, 1]])["SLURM_CPU_BIND"] == "quiet,mask_cpu:0x3"
    assert binding_variables(parse_binding("rank"), [[0], [1]])["SLURM_CPU_BIND"] == "quiet,rank"


def test_a_step_is_told_in_variables() -> None:
    told = step_variables({"step": 3, "job_id": 9, "nodes": NODES}, umask=0o22, host="vm")
    assert told["SLURM_STEP_NODELIST"] == "n[1-2]"
    assert told["SLURM_STEP_TASKS_PER_NODE"] == "2,1"
    assert told["SLURM_NTASKS"] == told["SLURM_STEP_NUM_TASKS"] == "3"
    assert told["SLURM_UMASK"] == "0022"


def test_a_node_is_told_its_tasks_and_its_gpus() -> None:
    first, second = (node_variables(node) for node in NODES)
    assert first["SLURM_GTIDS"] == "0,1"
    assert "CUDA_VISIBLE_DEVICES" not in first
    assert second["CUDA_VISIBLE_DEVICES"] == second["SLURM_STEP_GPUS"] == "1,3"
    assert second["SLURM_CPUS_ON_NODE"] == "1"
    assert gpu_variables([]) == {}

"""Scripts written for Slurm are read as sbatch reads them; `#LY` lines speak our own language."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.errors import Invalid
from launchyard.slurm.directives import parse_directives
from launchyard.slurm.exports import exported
from launchyard.slurm.options import LY, SBATCH
from launchyard.slurm.request import ineffective, job_options


def read(*lines: str) -> dict[str, Any]:
    """The options, but for what is only kept."""
    options = job_options(parse_directives("\n".join(["#!/bin/bash", *lines, "echo hi", ""])))
    kept = {key: value for key, value in options.pop("metadata", {}).items() if "slurm." not in key}
    return {**options, "metadata": kept} if kept else options


def test_directives_end_at_the_first_command() -> None:
    text = "#!/bin/sh\n\n# note\n#SBATCH -c4\n  # indented\n##SBATCH -c8\necho\n#SBATCH --mem=4G\n"
    found = parse_directives(text)
    assert [(one.line, one.source, one.name, one.value) for one in found] == [
        (4, "#SBATCH", "cpus-per-task", "4")
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#SBATCH -c4", {"cpus": 4}),
        ("#SBATCH -c 4 -n2", {"cpus": 8, "tasks": 2}),
        ("#SBATCH --ntasks=2 --nodes=2", {"cpus": 2, "nodes": 2, "tasks": 2}),
        ("#SBATCH -N2 --ntasks-per-node=3 -c2", {"cpus": 12, "nodes": 2, "tasks_per_node": 3}),
        ("#SBATCH -N 2-4", {"nodes": 2, "nodes_max": 4}),
        ("#SBATCH -N4 -n2", {"cpus": 2, "nodes": 2, "tasks": 2}),
        (
            "#SBATCH -n 8 --ntasks-per-node=4 --gres=gpu:1",
            {"cpus": 8, "tasks": 8, "tasks_per_node": 4, "gpus": 2},
        ),
        ("#SBATCH --mem=4000", {"memory": 4_000}),
        ("#SBATCH --mem 4G", {"memory": 4_096}),
        ("#SBATCH --mem=1G -N2", {"memory": 2_048, "nodes": 2}),
        ("#SBATCH --mem-per-cpu=500M -c4", {"memory": 2_000, "cpus": 4}),
        ("#SBATCH --mem=0", {"memory": 0}),
        ("#SBATCH -G 2", {"gpus": 2}),
        ("#SBATCH --gpus=a100:2", {"gpus": 2, "gpu_type": "a100"}),
        ("#SBATCH -G 2 --cpus-per-gpu=4 --mem-per-gpu=8G", {"gpus": 2, "cpus": 8, "memory": 16_384}),
        ("#SBATCH --gpus-per-task=h100:1 -n2", {"gpus": 2, "gpu_type": "h100", "cpus": 2, "tasks": 2}),
        ("#SBATCH --gres=gpu:tesla:2,license:1", {"gpus": 2, "gpu_type": "tesla"}),
        ("#SBATCH --gres=gpu", {"gpus": 1}),
        ("#SBATCH --gres=gpu:tesla", {"gpus": 1, "gpu_type": "tesla"}),
        ("#SBATCH --exclusive -C 'a100&!old'", {"exclusive": True, "constraint": "a100&!old"}),
        ("#SBATCH --exclusive=user", {"exclusive": True}),
        (
            "#SBATCH -w n[1-2] -x n3 --mem=1G",
            {"nodelist": "n[1-2]", "exclude": "n3", "memory": 2_048},
        ),
        ("#SBATCH -L matlab:2,ansys", {"licences": {"matlab": 2, "ansys": 1}}),
        (
            "#SBATCH --reservation=course --time-min=30 -t 2:00:00",
            {"reservation": "course", "time_min": "30", "time_limit": "2:00:00"},
        ),
        (
            "#LY --gpus a100:0.5 --nodes 2-3 --ntasks 4 --mem 0 --exclusive",
            {
                "gpus": "a100:0.5",
                "nodes": 2,
                "nodes_max": 3,
                "tasks": 4,
                "memory": 0,
                "exclusive": True,
            },
        ),
        ("#SBATCH -t 1-02:03:04", {"time_limit": "1-02:03:04"}),
        ("#SBATCH -t 0", {"time_limit": "UNLIMITED"}),
        ("#SBATCH --job-name='two words' # why", {"name": "two words"}),
        ("#SBATCH --job=short", {"name": "short"}),
        ("#SBATCH -p main,big", {"partition": "main"}),
        ("#SBATCH -a 1-10%2 -d afterok:12", {"array": "1-10%2", "after": "afterok:12"}),
        ("#SBATCH -o out-%j -e err-%j", {"stdout": "out-%j", "stderr": "err-%j"}),
        ("#SBATCH --open-mode=truncate", {"append": False}),
        ("#SBATCH -HJ name", {"hold": True, "name": "name"}),
        ("#SBATCH --nice", {"nice": 100}),
        ("#SBATCH --nice=-5", {"nice": -5}),
        (
            "#SBATCH --signal=B:USR1@120",
            {"warning_signal": 10, "warning_before_s": 120, "warning_target": "batch"},
        ),
        ("#SBATCH --signal=TERM", {"warning_signal": 15, "warning_before_s": 60, "warning_target": "steps"}),
        ("#SBATCH --requeue --no-requeue", {"requeue": False}),
        ('#SBATCH --comment="a b" -D /tmp -b now+1hour', None),
        ("#SBATCH", {}),
        ("#LY --mem 8G -c 0.5 -t 2h --group sweep", None),
        (
            "#LY --notify end,fail --notify-to=team",
            {"metadata": {"launchyard.notify": "end,fail", "launchyard.notify-to": "team"}},
        ),
        ("#LY --env A=1 --env B=x=y", {"environment": {"A": "1", "B": "x=y"}}),
        (
            "#LY --working-dir . --pip a --pip b --runtime-env e.toml",
            {"brought": {"work": ".", "pip": ("a", "b"), "runtime_env": "e.toml"}},
        ),
    ],
)
def test_each_directive_becomes_its_option(line: str, expected: dict[str, Any] | None) -> None:
    others = {
        "#SBATCH": {"metadata": {"comment": "a b"}, "working_dir": "/tmp", "begin": "now+1hour"},
        "#LY": {"memory": 8_192, "cpus": 0.5, "time_limit": "2h", "group": "sweep"},
    }
    assert read(line) == (expected if expected is not None else others[line.split()[0]])


def test_our_own_lines_win_over_slurms() -> None:
    options = read("#LY --mem 8G -c 2", "#SBATCH --mem=4G -c4 -J job")
    assert options == {"memory": 8_192, "cpus": 2, "name": "job"}


def test_options_of_slurm_without_effect_are_kept() -> None:
    directives = parse_directives("#!/bin/sh\n#SBATCH --mail-type=END --overcommit --network=sn\n")
    kept = {"slurm.mail-type": "END", "slurm.overcommit": "1", "slurm.network": "sn"}
    assert job_options(directives) == {"metadata": kept}
    assert ineffective(directives) == "without effect here: --overcommit, --network"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("#SBATCH --memm=4G", 'line 2: #SBATCH has an unknown option: "--memm"; did you mean --mem?'),
        ("#SBATCH --cpus=4", "--cpus"),
        ("#SBATCH -y", '"-y"'),
        ("#SBATCH --mem", "--mem=VALUE"),
        ("#SBATCH -c", "--cpus-per-task=VALUE"),
        ("#SBATCH --hold=yes", "takes no value"),
        ("#SBATCH 4G", '"4G"'),
        ("#SBATCH --comment='x", "not closed"),
        ("#SBATCH hetjob", "several unlike parts"),
        ("#SBATCH --mem=4X", 'line 2: #SBATCH --mem=4X: the memory "4X" has an unknown unit'),
        ("#SBATCH -c four", '"four"'),
        ("#SBATCH --time=soon", "line 2"),
        ("#SBATCH --open-mode=x", '"x"'),
        ("#SBATCH --signal=FOO", '"FOO"'),
        ("#SBATCH --nice=low", '"low"'),
        ("#LY --mem 4", "4 MiB? write 4M or 4G"),
        ("#LY --tim 4", "did you mean --time?"),
        ("#LY --env NOVALUE", "NAME=VALUE"),
        ("#LY --gpus many:x", '"many:x"'),
        ("#SBATCH -N 4-2", "Write 2-4"),
        ("#SBATCH --gpus=a100:1,h100:1", "several types"),
        ("#SBATCH -w n[1-", "bracket"),
        ("#SBATCH -L matlab*2", '"matlab*2"'),
        ("#SBATCH --time-min=soon", "line 2"),
        ("#SBATCH " + "x" * 9_000, "characters long"),
    ],
)
def test_a_wrong_directive_is_refused_with_its_line(line: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(line)
    assert named in str(caught.value)
    assert "line 2" in str(caught.value)


def test_every_option_of_ours_is_read() -> None:
    assert len(SBATCH.names) == 116
    for language in (SBATCH, LY):
        assert set(language.letters.values()) <= set(language.names)
    values = {"mem": "=1G", "env": "=A=1", "open-mode": "=append", "hold": "", "ray": "", "requeue": ""}
    values |= {"exclusive": "", "licences": "=a", "licenses": "=a"}
    values["keep-on-failed-dependency"] = ""
    for name in LY.names:
        assert read(f"#LY --{name}{values.get(name, '=1')}")


@given(st.text(alphabet="#SBATCHLY -=\"'\n\tmemcx4G:", max_size=60))
def test_any_script_is_read_or_refused(text: str) -> None:
    try:
        job_options(parse_directives(text))
    except Invalid:
        return


ENVIRON = {"A": "1", "B": "2", "SLURM_CONF": "c"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, ENVIRON),
        ("ALL", ENVIRON),
        ("NONE", {"SLURM_CONF": "c"}),
        ("nil", {"SLURM_CONF": "c"}),
        ("A", {"A": "1", "SLURM_CONF": "c"}),
        ("A,C=3", {"A": "1", "C": "3", "SLURM_CONF": "c"}),
        ("ALL,A=9", {**ENVIRON, "A": "9"}),
        ("C='x,y',missing", {"C": "x,y", "SLURM_CONF": "c"}),
    ],
)
def test_export_sends_what_it_says_and_no_more(spec: str | None, expected: dict[str, str]) -> None:
    assert exported(spec, ENVIRON) == expected

"""Completion of `ly` in real shells: what is known beforehand without a program, jobs and such by asking."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.ly import ly, variables
from tests.system.product import Product

TRY_BASH = """
source {script}
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_ly
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# What the line editor would do with what is found is done here: it prints the words that begin as asked.
TRY_ZSH = """
compadd() {{ while [[ $1 != -- ]]; do shift; done; shift; print -l -- ${{(M)@:#${{words[CURRENT]#*=}}*}} }}
compset() {{ : }}
_files() {{ : }}
source {script}
words=({words}) CURRENT=$#words
_ly
"""
TRY_FISH = "source {script}; complete -C '{line}'"


class Shell:
    """One shell with its script."""

    def __init__(self, name: str, folder: Path, state: Path | None) -> None:
        if shutil.which(name) is None:
            pytest.skip(f"needs {name}")
        self.name, self.state = name, state
        made = ly(None, "completion", name)
        assert made.code == 0, made
        self.script = folder / f"ly.{name}"
        self.script.write_text(made.out)

    def completed(self, *words: str, program: str = "ly") -> set[str]:
        """What is offered for the last of the words."""
        typed = [program, *words]
        if self.name == "fish":
            text = TRY_FISH.format(script=self.script, line=" ".join(typed))
        else:
            quoted = " ".join(f"'{word}'" for word in typed)
            text = {"bash": TRY_BASH, "zsh": TRY_ZSH}[self.name].format(script=self.script, words=quoted)
        options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[self.name]
        command = [self.name, *options, "-c", text]
        environment = {**variables(self.state), "HOME": str(self.script.parent)}
        done = subprocess.run(
            command,
            env=environment,
            cwd=self.script.parent,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == "", done
        return {line.partition("\t")[0] for line in done.stdout.splitlines() if line}


@pytest.fixture(params=["bash", "zsh", "fish"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_commands_and_options_are_completed_without_a_program(name: str, tmp_path: Path) -> None:
    shell = Shell(name, tmp_path, None)
    # It is no path of any program: nothing can have been started.
    nothing = "ly" if name == "fish" else "/nowhere/ly"
    assert shell.completed("ses", program=nothing) == {"session"}
    assert shell.completed("session", "re", program=nothing) == {"relaunch"}
    assert shell.completed("--state", "/x", "session", "st", program=nothing) == {"start", "stop"}
    assert shell.completed("submit", "--mem", "4G", "--chd", program=nothing) == {"--chdir"}
    assert shell.completed("completion", "", program=nothing) >= {"bash", "zsh", "fish"}
    assert "--partition" not in shell.completed("run", "--", "--par", program=nothing)


def test_jobs_partitions_and_nodes_are_those_of_the_server(
    name: str, tmp_path: Path, product: Product
) -> None:
    job = ly(product.state, "submit", "-q", "--hold", "--", "true").out.strip()
    shell = Shell(name, tmp_path, product.state)
    assert job in shell.completed("why", "")
    assert job in shell.completed("--state", str(product.state), "cancel", "")
    partitions = shell.completed("submit", "--partition", "")
    assert partitions == {
        one["name"] for one in product.call("GET", "/v1/admin/policy")["tables"]["partitions"]
    }
    nodes = {one["name"] for one in product.call("GET", "/v1/nodes")["nodes"]}
    assert shell.completed("nodes", "drain", "") >= nodes


def test_where_no_server_answers_nothing_is_said(name: str, tmp_path: Path) -> None:
    shell = Shell(name, tmp_path, tmp_path / "none")
    assert shell.completed("submit", "--partition", "") == set()


@pytest.mark.parametrize("words", [(), ("tcsh",)])
def test_another_shell_is_wrong_use(words: tuple[str, ...]) -> None:
    done = ly(None, "completion", *words)
    assert (done.code, done.out) == (2, "")
    assert "zsh" in done.err

"""What sattach says of where the tasks of a step are, and what it refuses."""

import pytest

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.sattach import layout, run


def test_the_layout_names_the_tasks_of_each_node() -> None:
    assert layout(["n1", "n2"], [[0, 2], [1]]).splitlines() == [
        "Job step layout:",
        "\t3 tasks, 2 nodes (n1,n2)",
        "",
        "\tNode 0 (n1), 2 task(s): 0 2",
        "\tNode 1 (n2), 1 task(s): 1",
    ]


@pytest.mark.parametrize("words", [[], ["12"], ["12."], ["x.0"], ["12.0", "12.1"]])
def test_what_names_no_step_is_refused(words: list[str]) -> None:
    with pytest.raises(Refused):
        run(words)

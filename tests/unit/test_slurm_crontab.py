"""A crontab as scrontab reads it, and the scripts of its lines."""

from launchyard.model.crontext import commented
from launchyard.slurm.crontab import Bad, read_table, script_of

TABLE = """\
# a comment
NAME = 'two words'
#SCRON --time=5:00 -J report
# between
#SCRON -o "my file" # why

0 8 * * mon  report "$NAME" # all
@daily true
OTHER=x
@hourly env
"""


def test_options_and_variables_belong_to_the_entries_they_stand_before() -> None:
    entries, bad = read_table(TABLE)

    assert not bad
    assert [(one.spec, one.command, one.first, one.last) for one in entries] == [
        ("0 8 * * 1", 'report "$NAME" # all', 3, 7),
        ("0 0 * * *", "true", 8, 8),
        ("0 * * * *", "env", 10, 10),
    ]
    assert entries[0].words == ["--time=5:00", "-J", "report", "-o", "my file"]
    assert entries[1].words == []
    assert [one.variables for one in entries] == [
        {"NAME": "two words"},
        {"NAME": "two words"},
        {"NAME": "two words", "OTHER": "x"},
    ]


def test_each_wrong_line_is_named() -> None:
    entries, bad = read_table('* * * * *\n@daily x\n61 * * * * y\n#SCRON -J "a\nword\n' + "x" * 9000)

    assert [one.command for one in entries] == ["x"]
    assert [one.last for one in bad] == [1, 3, 4, 5, 6]
    assert bad[1] == Bad(
        3, 3, 'the minute "61" is not understood; write 0 to 59, with commas, - and / between'
    )


def test_a_script_has_the_options_and_runs_the_line() -> None:
    entries, _ = read_table("#SCRON -p all\n5 * * * * echo $(date)\nSHELL=/bin/ksh\n@daily x\n")

    assert script_of(entries[0], "/bin/bash") == (
        "#!/bin/bash\n# This job comes of a line of scrontab.\n#SCRON -p all\n"
        "# Its time: 5 * * * *\necho $(date)\n"
    )
    assert script_of(entries[0], "/usr/bin/fish").startswith("#!/bin/sh\n")
    assert script_of(entries[1], "/bin/bash").startswith("#!/bin/ksh\n")


def test_lines_are_commented_once() -> None:
    once = commented("a\nb\nc\n", 2, 3, "DISABLED")

    assert once == "a\n#DISABLED: b\n#DISABLED: c\n"
    assert commented(once, 2, 3, "DISABLED") == once

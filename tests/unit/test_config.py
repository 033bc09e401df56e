"""The configuration is read as a whole, and what is wrong is said with its line and a right one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from launchyard.config import KEYS, Settings, default_path, load, with_listen
from launchyard.model.errors import Invalid

Loader = Callable[[str], Settings]


@pytest.fixture
def read(tmp_path: Path) -> Loader:
    def read(text: str) -> Settings:
        path = tmp_path / "config.toml"
        path.write_text(text)
        return load(path, root=False, environ={"HOME": "/home/ada"})

    return read


def test_licences_are_counted_by_name(read: Loader) -> None:
    assert read("[licences]\nmatlab = 4\nansys = 1\n").licences == {"matlab": 4, "ansys": 1}
    assert read("licences = { matlab = 4 }\n").licences == {"matlab": 4}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("licences = 4\n", "line 1: licences is a table; write licences = { name = 4 }"),
        ('\n[licences]\nmatlab = "4"\n', 'line 2: licences.matlab = "4" is not a whole number'),
        ("licences = { matlab = 0 }\n", "line 1: 0 of licence matlab are none"),
        ('licences = { "a b" = 1 }\n', 'the licence "a b" is no name'),
    ],
)
def test_wrong_licences_are_refused(read: Loader, text: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(text)
    assert sentence in str(refused.value)


def test_no_file_is_needed(tmp_path: Path) -> None:
    settings = load(None, root=False, environ={"HOME": str(tmp_path)})
    assert settings == Settings(state=tmp_path / ".local/state/launchyard")
    assert not settings.listen_explicit
    assert [(p.name, p.default, p.time_limit_default_s) for p in settings.partitions] == [
        ("main", True, 86_400)
    ]


def test_state_and_file_have_their_usual_places() -> None:
    assert default_path(root=True, environ={}) == Path("/etc/launchyard/config.toml")
    assert default_path(root=False, environ={"HOME": "/h"}) == Path("/h/.config/launchyard/config.toml")
    settings = load(None, root=False, environ={"HOME": "/nowhere", "LAUNCHYARD_STATE": "/tmp/s"})
    assert settings.state == Path("/tmp/s")


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('state = "/srv/launchyard"')
    assert load(path, root=False, environ={}).state == Path("/srv/launchyard")
    assert load(path, root=False, environ={"LAUNCHYARD_STATE": "/tmp/s"}).state == Path("/tmp/s")


def test_every_key_is_read(read: Loader) -> None:
    settings = read(
        """
        listen = "127.0.0.1:9000"
        hosts = ["jobs.example.org"]
        state = "/srv/launchyard"
        daemon_user = "root"
        allow_root_jobs = true
        log_cap = "2GiB"
        grace_s = 5
        pids_max = 100
        [[nodes]]
        name = "n[1-2]"
        cpus = 4
        memory = "4GiB"
        gpus = "fake:2"
        features = ["fast"]
        [[nodes]]
        name = "big"
        cpus = 64
        memory = "0.5T"
        gpus = 1
        [[partitions]]
        name = "all"
        [[partitions]]
        name = "short"
        nodes = "n[1-2]"
        default = true
        tier = 10
        time_limit = "30m"
        time_limit_max = "1h"
        """
    )
    assert (settings.listen, settings.listen_explicit) == ("127.0.0.1:9000", True)
    assert settings.hosts == ("jobs.example.org",)
    assert settings.state == Path("/srv/launchyard")
    assert (settings.daemon_user, settings.allow_root_jobs) == ("root", True)
    assert (settings.log_cap_bytes, settings.grace_s, settings.pids_max) == (2 << 30, 5, 100)
    assert [(n.name, n.cpus, n.memory_mib, n.gpus, n.gpu_type) for n in settings.nodes] == [
        ("n1", 4, 4_096, 2, "fake"),
        ("n2", 4, 4_096, 2, "fake"),
        ("big", 64, 524_288, 1, ""),
    ]
    assert settings.nodes[0].features == ("fast",)
    every, short = settings.partitions
    assert (every.default, every.nodes, every.time_limit_max_s) == (False, (), None)
    assert (short.default, short.nodes, short.tier) == (True, ("n1", "n2"), 10)
    assert (short.time_limit_default_s, short.time_limit_max_s) == (1_800, 3_600)


def test_the_first_partition_is_the_default_when_none_is_set(read: Loader) -> None:
    settings = read('[[partitions]]\nname = "a"\n[[partitions]]\nname = "b"\n')
    assert [partition.default for partition in settings.partitions] == [True, False]


def test_a_log_may_be_without_a_cap(read: Loader) -> None:
    assert read('log_cap = "none"').log_cap_bytes is None


NODES = '[[nodes]]\nname = "n1"\ncpus = 1\nmemory = "1G"\n'


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('\nlisten_ = "x"', "line 2: there is no key listen_; did you mean listen?"),
        ("grace = 3", "line 1: there is no key grace; did you mean grace_s?"),
        ("zzz = 3", "known here: listen, hosts"),
        ('\n\ngrace_s = "30"', 'line 3: grace_s = "30" is not a whole number'),
        ("grace_s = true", "line 1: grace_s = true is not a whole number"),
        ("grace_s = -1", "line 1: grace_s = -1 is not between 0 and 3600"),
        ('allow_root_jobs = "yes"', 'allow_root_jobs = "yes" is not true or false'),
        ("hosts = [1]", "hosts holds 1"),
        ('log_cap = "4"', "4 MiB? write 4M or 4G"),
        ('listen = "8265"', '"8265" is no address'),
        ('listen = "0.0.0.0:8265"', "needs TLS; write 127.0.0.1:8265"),
        ('state = "here"', '"here" is not an absolute path'),
        ("x = ", "line 1: this is not TOML"),
        ('a = 1\nb = "', "line 2: this is not TOML"),
        ("[nodes]\nname = 'n'", "line 1: nodes is a list of tables; write [[nodes]]"),
        (
            NODES + '[[nodes]]\nname = "n2"\nmemoy = "1G"\n',
            "line 7: there is no key memoy; did you mean memory?",
        ),
        (NODES + '[[nodes]]\nname = "n2"\ncpus = 1\n', "line 6: a table of [[nodes]] needs memory"),
        (NODES + NODES, "two nodes have the name n1"),
        (NODES + 'gpus = "fake"', 'line 5: gpus = "fake": "fake" names no number of GPUs'),
        (NODES.replace("= 1", "= 0"), "line 3: cpus = 0 is not between"),
        (NODES.replace("n1", "n[1"), 'line 2: name = "n[1"'),
        (NODES + '[[partitions]]\nname = "p"\nnodes = "m1"', "line 7: partition p names the node m1"),
        ('[[partitions]]\nname = "p"\n[[partitions]]\nname = "p"', "line 4: two partitions have the name p"),
        (
            '[[partitions]]\nname = "p"\ndefault = true\n[[partitions]]\nname = "q"\ndefault = true',
            "line 6: partition q is a second default",
        ),
        (
            '[[partitions]]\nname = "p"\ntime_limit = "2h"\ntime_limit_max = "1h"',
            "line 3: the default time limit of partition p is above",
        ),
        ('[[partitions]]\nname = "p"\ntime_limit = "soon"', 'line 3: time_limit = "soon": the time'),
        ("[[partitions]]\ntier = 1", "line 1: a table of [[partitions]] needs name"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(read: Loader, text: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(text)
    assert named in str(caught.value)
    assert "config.toml, line " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="there is no configuration file"):
        load(tmp_path / "none.toml", root=False, environ={})


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot read the configuration"):
        load(tmp_path, root=False, environ={})


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(Invalid, match="not UTF-8"):
        load(path, root=False, environ={})


def test_the_command_line_names_another_address() -> None:
    settings = with_listen(Settings(state=Path("/s")), "127.0.0.1:0")
    assert (settings.listen, settings.listen_explicit) == ("127.0.0.1:0", True)
    with pytest.raises(Invalid, match="no address"):
        with_listen(settings, "nowhere")


@pytest.mark.root
@pytest.mark.parametrize("loose", ["file", "directory", "owner"])
def test_threat_48_root_reads_no_configuration_that_others_may_write(tmp_path: Path, loose: str) -> None:
    directory = tmp_path / "etc"
    directory.mkdir(mode=0o755)
    path = directory / "config.toml"
    path.write_text("grace_s = 3\n")
    path.chmod(0o644)
    assert load(path, root=True, environ={}).grace_s == 3
    if loose == "file":
        path.chmod(0o664)
    elif loose == "directory":
        directory.chmod(0o777)
    else:
        os.chown(path, 12_345, 0)
    with pytest.raises(Invalid, match=r"root does not read .*; run: ch"):
        load(path, root=True, environ={})


@pytest.mark.root
def test_threat_48_a_link_is_judged_by_where_it_leads(tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o777)
    (loose / "config.toml").write_text("grace_s = 3\n")
    (tmp_path / "config.toml").symlink_to(loose / "config.toml")
    with pytest.raises(Invalid, match="root does not read"):
        load(tmp_path / "config.toml", root=True, environ={})


def test_every_key_is_described() -> None:
    for keys in KEYS.values():
        for default, meaning in keys.values():
            assert default
            assert meaning.endswith(".")


def test_folders_of_files_are_absolute_or_below_a_home(read: Loader) -> None:
    files = read('[files]\nroots = ["~", "/scratch/{user}"]\nterminal_keep_h = 1\n').files
    assert (files.roots, files.terminal_keep_s) == (("~", "/scratch/{user}"), 3600)
    for wrong in ("scratch", "~ada", "/a/../b"):
        with pytest.raises(Invalid, match="is not an absolute path"):
            read(f'[files]\nroots = ["{wrong}"]\n')


def test_database_is_an_address_with_its_password_in_a_file(read: Loader) -> None:
    found = read('database = "postgresql://yard@db/queue"\ndatabase_password_file = "/etc/secret"\n')
    assert found.database == "postgresql://yard@db/queue"
    assert found.database_password_file == Path("/etc/secret")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://yard:correcthorse@db/queue", "a password in the address would be seen"),
        ("postgresql://yard@db/queue?password=correcthorse", "a password in the address would be seen"),
        ("mysql://db/queue", "is written postgresql://USER@HOST/DATABASE"),
    ],
)
def test_address_of_a_database_that_will_not_do_is_refused_without_its_password(
    read: Loader, url: str, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read(f'database = "{url}"\n')
    assert "line 1" in str(refused.value)
    assert sentence in str(refused.value)
    assert "correcthorse" not in str(refused.value)

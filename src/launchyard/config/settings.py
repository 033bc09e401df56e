"""Settings: read once from TOML, checked as a whole, frozen.

Every key has a default, so no file is needed. What is wrong is said with its file, its line and a right one:
a queue that silently ignores a misspelt limit is worse than one that does not start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from launchyard.config import words
from launchyard.config.clusters import asked_at_start, clusters_of
from launchyard.config.files import read_text
from launchyard.config.logins import logins_of
from launchyard.config.notices import notify_of
from launchyard.config.rules import rules_of
from launchyard.config.service import ServiceSettings, refuse_open, service_of
from launchyard.config.table import Table
from launchyard.model.cluster import ClusterSettings
from launchyard.model.database import checked_database
from launchyard.model.errors import Invalid
from launchyard.model.hostlist import expand
from launchyard.model.loginways import LoginSettings
from launchyard.model.memory import parse_memory
from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.rayapi import RayApiSettings
from launchyard.model.retention import Keep
from launchyard.model.rules import Rules, SchedulerRules
from launchyard.model.wishes import checked_licences
from launchyard.notify.settings import NotifySettings
from launchyard.slurm.settings import SlurmSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSettings:
    """What users may upload, and what is kept of their runtime environments."""

    size_max: int = 100 << 20
    quota: int = 5 << 30
    keep_s: float = 24 * 3600.0
    total_max: int | None = None
    kept_max: int = 10 << 30
    keep_failed_s: float = 0.0
    setup_memory_mib: int | None = None
    """None: half of this machine's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """`roots`: below which folders users may open files; `~` and `{user}` are filled in.

    `terminal_keep_s`: how long a terminal stays that nobody looks at.
    """

    roots: tuple[str, ...] = ("~",)
    terminal_keep_s: float = 8 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """`apps`: folders of the site's apps. `idle_stop_s` None: a session that nobody uses goes on."""

    apps: tuple[str, ...] = ("/etc/launchyard/apps",)
    idle_stop_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the daemon is told. `nodes` empty: this machine as it is found.

    `rules` are those of the file; others may be in force, put there while a server ran.
    """

    listen: str = "127.0.0.1:8265"
    listen_explicit: bool = False
    """The address was asked for: when it is taken the daemon does not look for the next free port."""
    hosts: tuple[str, ...] = ()
    state: Path
    database: str | None = None
    """The address of a PostgreSQL; None: a file in the state directory."""
    database_password_file: Path | None = None
    engines_directory: Path | None = None
    """What engines have to know after a takeover; None: in the state directory."""
    daemon_user: str = "launchyard"
    allow_root_jobs: bool = False
    jobs_visible_to_all: bool = False
    log_cap_bytes: int | None = 1 << 30
    grace_s: int = 30
    pids_max: int = 16_384
    unkillable_s: int = 60
    requeues_max: int = 10
    zero_cpu_jobs_max: int = 16
    nodes: tuple[Node, ...] = ()
    clusters: tuple[ClusterSettings, ...] = ()
    """Empty: this machine is the only one."""
    licences: Mapping[str, int] = field(default_factory=dict)
    rules: Rules = Rules()  # noqa: RUF009
    slurm: SlurmSettings = field(default_factory=SlurmSettings)
    keep: Keep = Keep()  # noqa: RUF009
    packages: PackageSettings = field(default_factory=PackageSettings)
    ray_api: RayApiSettings = field(default_factory=RayApiSettings)
    files: FileSettings = field(default_factory=FileSettings)
    sessions: SessionSettings = field(default_factory=SessionSettings)
    login: LoginSettings = field(default_factory=LoginSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)

    @property
    def partitions(self) -> tuple[Partition, ...]:
        return tuple(self.rules.partitions.values())

    @property
    def scheduler(self) -> SchedulerRules:
        return self.rules.scheduler


def load(path: Path | None, *, root: bool, environ: Mapping[str, str]) -> Settings:
    """The settings of `path`; None: of the usual place, where the file may be missing. Raises `Invalid`.

    For root the file and every directory above it must be root's to write alone.
    """
    where = path or default_path(root=root, environ=environ)
    default = Settings(state=default_state(root=root, environ=environ))
    try:
        text = read_text(where, root)
    except FileNotFoundError:
        if path is None:
            return default
        raise Invalid(f"there is no configuration file {path}; leave out --config for the defaults") from None
    settings = _settings(Table.parse(str(where), text), default)
    # What a person says for one start goes before what is written down for all.
    return replace(settings, state=default.state) if environ.get("LAUNCHYARD_STATE") else settings


def check(text: str, where: str) -> Settings:
    """What a text would be read as. Raises `Invalid` with the line, of `where`."""
    return _settings(Table.parse(where, text), Settings(state=Path("/")))


def default_path(*, root: bool, environ: Mapping[str, str]) -> Path:
    """Where the configuration is when nobody says."""
    return Path("/etc/launchyard/config.toml") if root else _home(environ) / ".config/launchyard/config.toml"


def default_state(*, root: bool, environ: Mapping[str, str]) -> Path:
    """Where the state is when nobody says; LAUNCHYARD_STATE says."""
    if named := environ.get("LAUNCHYARD_STATE"):
        return Path(named).expanduser()
    return Path("/var/lib/launchyard") if root else _home(environ) / ".local/state/launchyard"


def with_listen(settings: Settings, listen: str) -> Settings:
    """The same settings on another address, asked for on the command line."""
    refuse_open(words.listen(listen), settings.service)
    return replace(settings, listen=listen, listen_explicit=True)


def with_engine(settings: Settings, engine: str) -> Settings:
    """The same settings on one cluster of this engine, asked for on the command line. Raises `Invalid`."""
    return replace(settings, clusters=asked_at_start(engine))


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def _settings(table: Table, default: Settings) -> Settings:
    nodes = [node for one in table.tables("nodes") for node in _nodes(one)]
    names: set[str] = set()
    for node in nodes:
        if node.name in names:
            table.refuse("nodes", f"two nodes have the name {node.name}; give each its own")
        names.add(node.name)
    clusters = clusters_of(table)
    listen, service = table.read("listen", words.listen, ""), service_of(table)
    try:
        refuse_open(listen or default.listen, service)
    except Invalid as error:
        table.refuse("listen", str(error))
    return Settings(
        listen=listen or default.listen,
        listen_explicit=bool(listen),
        hosts=_hosts(table.words("hosts"), service),
        state=table.read("state", words.state, default.state),
        database=_database(table),
        database_password_file=table.read("database_password_file", words.state, None),
        engines_directory=table.read("engines_directory", words.state, None),
        daemon_user=table.read("daemon_user", words.word, default.daemon_user),
        allow_root_jobs=table.get("allow_root_jobs", bool, default.allow_root_jobs),
        jobs_visible_to_all=table.get("jobs_visible_to_all", bool, default.jobs_visible_to_all),
        log_cap_bytes=table.read("log_cap", words.log_cap, default.log_cap_bytes),
        grace_s=table.count("grace_s", default.grace_s, 0, 3_600),
        pids_max=table.count("pids_max", default.pids_max, 16, 4_194_304),
        unkillable_s=table.count("unkillable_s", default.unkillable_s, 1, 86_400),
        requeues_max=table.count("requeues_max", default.requeues_max, 0, 1_000_000),
        zero_cpu_jobs_max=table.count("zero_cpu_jobs_max", default.zero_cpu_jobs_max, 0, 1_000_000),
        nodes=tuple(nodes),
        clusters=clusters,
        licences=_licences(table),
        rules=rules_of(table, names, clusters),
        slurm=_slurm(table.table("slurm")),
        keep=_keep(table.table("retention")),
        packages=_packages(table.table("packages"), table.table("runtime_env")),
        ray_api=_ray_api(table.table("ray_api")),
        files=_files(table.table("files")),
        sessions=_sessions(table.table("sessions")),
        login=logins_of(table.table("login")),
        notify=notify_of(table),
        service=service,
    )


def _database(table: Table) -> str | None:
    """The refusal does not repeat the address: there may be a password in it."""
    if "database" not in table:
        return None
    try:
        return checked_database(table.get("database", str, ""))
    except Invalid as error:
        table.refuse("database", str(error))


def _hosts(named: tuple[str, ...], service: ServiceSettings) -> tuple[str, ...]:
    """The public address is a name of ours too."""
    public = urlsplit(service.public_url).hostname
    return named if public is None or public in named else (*named, public)


def _keep(table: Table) -> Keep:
    return Keep(
        jobs_s=table.read("jobs", words.keep, None),
        jobs_max=table.count("jobs_max", 1, 1, 1_000_000_000) if "jobs_max" in table else None,
        logs_s=table.read("logs", words.keep, None),
        logs_max=table.read("logs_max", words.size, None),
    )


def _slurm(table: Table) -> SlurmSettings:
    default = SlurmSettings()
    return SlurmSettings(
        version=table.read("version", words.slurm_version, default.version),
        cluster=table.read("cluster", words.word, default.cluster),
        min_job_age_s=table.count("min_job_age_s", default.min_job_age_s, 0, 86_400),
        max_array_size=table.count("max_array_size", default.max_array_size, 2, 4_000_001),
        explicit_scancel=table.get("explicit_scancel", bool, default.explicit_scancel),
    )


def _ray_api(table: Table) -> RayApiSettings:
    default = RayApiSettings()
    return RayApiSettings(
        version=table.read("version", words.ray_version, default.version),
        prefix=table.read("prefix", words.prefix, default.prefix),
        anonymous_user=table.read("anonymous_user", words.word, "") or None,
    )


def _files(table: Table) -> FileSettings:
    roots = table.words("roots") if "roots" in table else FileSettings().roots
    for root in roots:
        if not (root.startswith("/") or root == "~" or root.startswith("~/")) or ".." in root.split("/"):
            table.refuse(
                "roots", f"{root} is not an absolute path; write ~, or for example /scratch/{{user}}"
            )
    return FileSettings(roots=roots, terminal_keep_s=3600.0 * table.count("terminal_keep_h", 8, 0, 720))


def _sessions(table: Table) -> SessionSettings:
    default = SessionSettings()
    apps = table.words("apps") if "apps" in table else default.apps
    for folder in apps:
        if not folder.startswith("/"):
            table.refuse("apps", f"{folder} is not an absolute path; begin with /")
    return SessionSettings(apps=apps, idle_stop_s=table.read("idle_stop", words.idle_stop, None))


def _packages(packages: Table, kept: Table) -> PackageSettings:
    default = PackageSettings()
    return PackageSettings(
        size_max=packages.read("size_max", words.size, default.size_max),
        quota=packages.read("quota", words.size, default.quota),
        keep_s=3600.0 * packages.count("keep_h", 24, 0, 87_600),
        total_max=packages.read("total_max", words.size, None),
        kept_max=kept.read("kept_max", words.size, default.kept_max),
        keep_failed_s=float(kept.count("keep_failed_s", 0, 0, 2_592_000)),
        setup_memory_mib=kept.read("memory", parse_memory, 0) or None,
    )


def _licences(table: Table) -> dict[str, int]:
    counts = table.counts("licences")
    try:
        checked_licences(counts)
    except Invalid as error:
        table.refuse("licences", str(error))
    return counts


def _nodes(table: Table) -> list[Node]:
    table.need("name", "cpus", "memory")
    if table.is_number("gpus"):
        gpus, gpu_type = table.count("gpus", 0, 0, 1_024), ""
    else:
        gpus, gpu_type = table.read("gpus", words.gpus, (0, ""))
    cpus = table.count("cpus", 1, 1, 1_000_000)
    memory_mib = table.read("memory", parse_memory, 0)
    features = table.words("features")
    none: list[str] = []
    return [
        Node(
            name=name,
            cpus=cpus,
            memory_mib=memory_mib,
            gpus=gpus,
            gpu_type=gpu_type,
            features=features,
        )
        for name in table.read("name", expand, none)
    ]

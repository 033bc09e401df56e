"""The keys of the configuration: what is known, and what docs/reference/configuration.md is made from."""

from collections.abc import Mapping

Keys = Mapping[str, tuple[str, str]]
"""Key: (default, meaning)."""

KEYS: dict[str, Keys] = {
    "": {
        "listen": (
            '"127.0.0.1:8265"',
            "Host and port. Not set and taken: the next free one. Beyond this machine: see `[tls]`, `[proxy]`.",
        ),
        "hosts": (
            "[]",
            "Further names under which browsers and clients may reach this server; below `*.yard.example`, "
            "sessions are shown.",
        ),
        "public_url": (
            "none",
            'Where people reach it, such as `"https://yard.example.org"`: in links that are sent.',
        ),
        "tls": ("none", "TLS of our own; see below."),
        "proxy": ("none", "A proxy in front that is trusted; see below."),
        "log_format": ('"text"', 'The log of the server: "text", or "json" (an object a line).'),
        "metrics": ("see below", "Who may read `/metrics`; see below."),
        "hooks": ("none", "Programs of the site around jobs; see below."),
        "state": ("see above", "The state directory; never on a network file system."),
        "database": (
            "a file in the state directory",
            "PostgreSQL instead: `postgresql://USER@HOST/DATABASE`, without a password in it.",
        ),
        "database_password_file": (
            "none",
            "A file of mode 0600 with the password; without it the driver's own rules hold (`PGPASSFILE`).",
        ),
        "engines_directory": (
            "in the state directory",
            "Where Ray and Slurm engines keep what they have to know; shared by servers that stand by.",
        ),
        "daemon_user": ('"launchyard"', "The system user that the daemon becomes when root starts it."),
        "allow_root_jobs": ("false", "Let root and system users submit; for tests and demos."),
        "jobs_visible_to_all": (
            "false",
            "Let everybody list and look at everybody's jobs; never their logs, scripts and variables.",
        ),
        "log_cap": ('"1GiB"', 'The most that one log in our spool holds, or "none". Over it the job ends.'),
        "grace_s": ("30", "Seconds between the polite signal and the kill."),
        "pids_max": ("16384", "The most processes and threads that one job may have."),
        "unkillable_s": ("60", "Seconds that killed processes may stay until their node takes no more work."),
        "requeues_max": ("10", "How often a job may be put back into the queue; one more and it is held."),
        "zero_cpu_jobs_max": ("16", "How many jobs with `--cpus 0` each user may have at work at once."),
        "nodes": ("this machine", "Virtual nodes, for tests and demos; see below."),
        "clusters": (
            "this machine, `local`",
            "Where jobs run, when that is not this machine alone; see below.",
        ),
        "licences": ("none", "How many of each licence jobs may hold at one time: `{ matlab = 4 }`."),
        "partitions": ("one, `main`", "Named sets of nodes with limits; see below."),
        "qos": ("`normal` and `interactive`", "How urgent jobs are, and how much of it; see below."),
        "accounts": ("none", "Who pays, with shares and limits; see below. None: nobody needs one."),
        "users": ("none", "Users in accounts, with shares and limits; see below."),
        "login": ("links alone", "How people log in to the portal; see below."),
        "roles": ("root alone", "Who operates and administers the cluster; see below."),
        "scheduler": ("see below", "How the queue is ordered and planned; see below."),
        "slurm": ("see below", "What Slurm's commands say of this site; see below."),
        "ray_api": ("see below", "How Ray's clients are answered; see below."),
        "packages": ("see below", "What users may upload; see below."),
        "retention": ("see below", "How long ended jobs and their logs are kept; see below."),
        "files": ("see below", "Which files users may open in the browser; see below."),
        "runtime_env": ("see below", "What set-ups of runtime environments keep; see below."),
        "sessions": ("see below", "Interactive apps, and sessions that nobody uses; see below."),
        "mail": ("see below", "How mail is sent to users who asked for it; see below."),
        "webhooks": ("none", "Where else users may be notified, by name; see below."),
        "notify": ("see below", "Which addresses of their own users may have notified; see below."),
    },
    "nodes": {
        "name": ("required", "One name, or several as in `n[1-8]`."),
        "cpus": ("required", "CPUs of each node."),
        "memory": ("required", 'Memory of each node, such as `"4GiB"`.'),
        "gpus": ("0", 'A number of GPUs, or a type and a number such as `"fake:2"`.'),
        "features": ("[]", "Words that describe the node."),
    },
    "clusters": {
        "name": ("required", "The cluster's name, by which `--cluster` and partitions know it."),
        "engine": ("required", 'What runs its jobs: "local" (this machine), "ray" or "slurm".'),
        "default": ("false", "Jobs that name no cluster go here. None set: the first one is it."),
        "address": ("none", 'Ray: where its head is, such as `"10.0.0.1:6379"`.'),
        "start": ("false", "Ray: start a head on this machine, on free ports."),
        "python": ("found on PATH", "Ray: the Python that has the cluster's Ray."),
        "bin": ("found on PATH", "Slurm: the directory of its commands."),
        "conf": ("Slurm's own", "Slurm: its slurm.conf."),
        "rest": (
            "none",
            'Slurm: its slurmrestd, such as `"http://127.0.0.1:6820"`, asked instead of squeue.',
        ),
        "rest_token": (
            "none",
            "Slurm: the file with the token for that, readable by the server's user alone.",
        ),
        "listen": ("none", "Ray: the one address at which nodes reach this server, where they must dial in."),
        "single_identity": ("false", "Ray: run everybody's jobs as the user of Ray's own processes."),
        "poll_s": ("1.0", "Slurm: how often it is asked for the states of all jobs together."),
    },
    "partitions": {
        "name": ("required", "The partition's name."),
        "cluster": ("the default cluster", "The cluster whose nodes these are."),
        "nodes": ("all", "Its nodes, such as `n[1-4]`."),
        "default": (
            "false",
            "Jobs of its cluster that name no partition go here. None set: the cluster's first one is it.",
        ),
        "tier": ("0", "Jobs of a higher tier go first."),
        "priority": ("0", "Its factor in the order `multifactor`."),
        "state": ('"up"', '"down": nothing starts. "drain": nothing new is taken. "inactive": neither.'),
        "time_limit": ('"24h"', "The time limit of jobs that ask for none."),
        "time_limit_max": ('"UNLIMITED"', "The longest time limit that may be asked for."),
        "nodes_min": ("1", "The fewest nodes that a job may ask for."),
        "nodes_max": ("no limit", "The most nodes that a job may ask for."),
        "accounts": ("all", "Accounts whose jobs may come here."),
        "denied_accounts": ("[]", "Accounts whose jobs may not."),
        "qos": ("all", "QOS whose jobs may come here."),
        "denied_qos": ("[]", "QOS whose jobs may not."),
        "groups": ("all", "Unix groups whose members may come here."),
        "default_qos": ("none", "The QOS of jobs that name none and whose user and account have no default."),
    },
    "qos": {
        "name": ("required", "The name. A table named `normal` or `interactive` replaces the one there is."),
        "tier": ("0", "Jobs of a higher tier go first; added to the partition's tier."),
        "priority": ("0", "Its factor in the order `multifactor`."),
        "limits": ("none", "What all its jobs together may take; see Limits."),
        "per_account": ("none", "What its jobs of one account may take."),
        "per_user": ("none", "What its jobs of one user may take."),
        "per_job": ("none", "What one job may ask for."),
        "preempts": ("[]", "QOS whose jobs make room for jobs of this one."),
        "preempt_mode": ('"requeue"', 'How its own jobs make room: "requeue", "cancel", "suspend" or "off".'),
        "grace": ('"0s"', "How long its jobs are warned before they make room."),
        "usage_factor": ("1.0", "How many times the usage of its jobs is charged; 0 charges nothing."),
        "ignores_partition_limits": ("false", "Times and sizes that a partition allows do not hold for it."),
    },
    "accounts": {
        "name": ("required", "The account's name."),
        "parent": ("none", "The account above it."),
        "shares": ("1", 'Its share among its siblings, or "parent": its members count as the parent\'s.'),
        "everyone": ("false", "Users that `[[users]]` does not name may use it too, with one share each."),
        "coordinators": (
            "[]",
            "Users who look after it and the accounts below it: their jobs, limits and members.",
        ),
        "limits": ("none", "What all its jobs, and those of accounts below it, may take; see Limits."),
        "per_user": ("none", "What the jobs of one user in it may take."),
        "per_job": ("none", "What one job may ask for."),
        "qos": ("all", "QOS that its jobs may have."),
        "default_qos": ("none", "The QOS of its jobs that name none."),
    },
    "users": {
        "name": ("required", "The user's name on this machine."),
        "account": ("none", "The account; needed when there are accounts. A user may have several tables."),
        "default": ("the first", "Jobs of this user that name no account are charged to this one."),
        "shares": ("1", "The user's share among the members of the account."),
        "limits": ("none", "What the user's jobs in this account may take; see Limits."),
        "per_job": ("none", "What one job may ask for."),
        "qos": ("the account's", "QOS that the user's jobs in this account may have."),
        "default_qos": ("the account's", "The QOS of jobs that name none."),
    },
    "roles": {
        "name": (
            "required",
            '"operator" (nodes, reservations, everybody\'s jobs) or "administrator" (everything).',
        ),
        "users": ("[]", "Users who have it."),
        "groups": ("[]", "Unix groups whose members have it."),
    },
    "login": {
        "pam": ("none", "The PAM service (a file in `/etc/pam.d`) that checks passwords on the login page."),
    },
    "scheduler": {
        "order": ('"default"', '"default", "fifo", "shortest-first" or "multifactor".'),
        "depth": ("1", 'How many waiting jobs get a reservation, or "all".'),
        "bands": ("5", "Into how many groups the fair-share factor is cut in the default order."),
        "ageing_h": ("12", "Hours of waiting that make up for a job about three times as large."),
        "half_life": ('"7d"', 'Usage is worth half after this time; "UNLIMITED": it never fades.'),
        "billing": ("see below", "What a second of each resource costs; a table."),
        "weights": ("see below", "What each factor of the order `multifactor` counts for; a table."),
    },
    "billing": {
        "cpu": ("1.0", "One CPU."),
        "memory_gib": ("0.25", "One GiB of memory."),
        "gpu": ("8.0", "One GPU."),
        "sum": ('"max"', '"max": the largest of them is the bill. "sum": all of them together.'),
    },
    "weights": {
        "age": ("1000", "Time since the job could have started."),
        "age_max": ('"7d"', "The time after which age counts in full."),
        "fairshare": ("10000", "The fair-share factor."),
        "job_size": ("0", "How much of the cluster it asks for."),
        "favor_small": ("false", "Small jobs get the most of `job_size`."),
        "partition": ("0", "The partition's `priority` by the highest there is."),
        "qos": ("1000", "The QOS's `priority` by the highest there is."),
        "cpus": ("0", "CPUs asked for, of those of the partition."),
        "memory": ("0", "Memory asked for, of that of the partition."),
        "gpus": ("0", "GPUs asked for, of those of the partition."),
    },
    "slurm": {
        "version": ('"23.11.4"', "The version of Slurm that all its commands report, and its JSON with it."),
        "cluster": ('"local"', "The name of the cluster."),
        "min_job_age_s": ("300", "How many seconds `squeue -t all` and `scontrol show job` show ended jobs."),
        "max_array_size": ("100001", "One more than the largest index of an array of `sbatch`."),
        "explicit_scancel": ("false", "`scancel` leaves jobs of a crontab alone unless it is told `--cron`."),
    },
    "tls": {
        "certificate": ("none", "A file (PEM) with the certificate and its chain; read again at SIGHUP."),
        "key": ("none", "A file (PEM) with its key, of the server's user, mode 600."),
    },
    "proxy": {
        "trusted": (
            "[]",
            "Its addresses: `X-Forwarded-*` is believed from there. Without `[tls]` only they get in by TCP.",
        ),
    },
    "metrics": {
        "loopback": ("false", "Programs of this machine may read `/metrics` by 127.0.0.1 without a token."),
    },
    "hooks": {
        "submit_filter": ("none", "A program that may change or refuse what is submitted."),
        "prolog": ("none", "A program that root runs on a node before each job there."),
        "epilog": ("none", "A program that root runs on a node after each job there."),
        "time_limit_s": ("30", "Seconds that each may take."),
    },
    "mail": {
        "command": (
            '"/usr/sbin/sendmail -t"',
            'Gets each mail on its standard input; `""`, or no such program: none is sent.',
        ),
        "smtp": ("none", 'A mail server in the place of the program, such as `"mail.example.org:587"`.'),
        "security": ('"starttls"', '"starttls", "tls" (from the first byte) or "none".'),
        "user": ("none", "The name by which we log in there."),
        "password_file": ("none", "A file with its password, of the server's user, mode 600."),
        "sender": ("`launchyard@` and the domain", "From whom mails come."),
        "domain": ("none", "Where users have their mailboxes; none: the mail server knows."),
    },
    "webhooks": {
        "name": ("required", "The name that users give to `--notify-to`."),
        "kind": ('"signed"', '"signed": JSON with a signature. "slack": text as Slack takes it.'),
        "url": ("none", "Where it is sent; this or `url_file`."),
        "url_file": ("none", "A file with the url, mode 600, where the url itself is a secret."),
        "secret_file": ("required if signed", "A file with the secret of the signature, mode 600."),
    },
    "notify": {
        "origins": (
            "[]",
            'Users may name URLs of their own below these, and no others: `["https://hooks.example.org"]`.',
        ),
        "secret_file": ("none", "A file with the secret that signs what is sent there, mode 600."),
    },
    "ray_api": {
        "version": ('"2.60.0"', "The version of Ray that its clients are told; the newest that is tested."),
        "prefix": ('"/ray"', 'The API is below this path too, before `/api`; `""`: only at `/api`.'),
        "anonymous_user": (
            "none",
            "Programs of the server's own user on this machine may use the API as this user without a token.",
        ),
    },
    "files": {
        "roots": (
            '["~"]',
            'Folders below which users may open files, as themselves: `["~", "/scratch/{user}"]`.',
        ),
        "terminal_keep_h": ("8", "Hours that a terminal stays which nobody looks at."),
    },
    "sessions": {
        "apps": ('["/etc/launchyard/apps"]', "Folders with apps of the site, a directory each."),
        "idle_stop": (
            '"none"',
            "How long nobody uses a session until it is stopped, where its person or its app says nothing.",
        ),
    },
    "packages": {
        "size_max": ('"100MiB"', "The largest package that may be uploaded."),
        "quota": ('"5GiB"', "What all packages of one user may take."),
        "keep_h": (
            "24",
            "Hours after its last use that a package stays which no live job needs.",
        ),
    },
    "runtime_env": {
        "kept_max": ('"10GiB"', "What unpacked packages and built environments of one user may take."),
        "keep_failed_s": ("0", "Seconds that the files of a failed job stay, to be looked at."),
        "memory": ("half the machine's", "What all set-ups of one user may use of memory together."),
    },
    "limits": {
        "jobs": ("no limit", "Jobs that run at one time (not in `per_job`)."),
        "waiting": ("no limit", "Jobs that wait; each task of an array counts (not in `per_job`)."),
        "cpus": ("no limit", "CPUs at one time."),
        "memory": ("no limit", 'Memory at one time, such as `"64GiB"`.'),
        "gpus": ("no limit", "GPUs at one time."),
        "nodes": ("no limit", "Nodes at one time."),
        "cpu_minutes": ("no limit", "CPU minutes: what was used, fading with `half_life`, and what may be."),
        "gpu_minutes": ("no limit", "The same in GPU minutes."),
    "retention": {
        "jobs": ('"none"', 'How long ended jobs are remembered, such as `"365d"`; `"none"`: for good.'),
        "jobs_max": ("no limit", "How many of the newest ended jobs are remembered."),
        "logs": ('"none"', 'How long after its end the log of a job stays in our spool, such as `"90d"`.'),
    },
        "time_limit": ("no limit", "The longest time limit of one job."),
    },
}
"""By table. What nests in several tables (`limits`, `billing`, `weights`) is described once."""

TITLES = {
    "": "Keys",
    "scheduler": "`[scheduler]`",
    "billing": "`[scheduler.billing]`",
    "weights": "`[scheduler.weights]`",
    "slurm": "`[slurm]`",
    "ray_api": "`[ray_api]`",
    "sessions": "`[sessions]`",
    "login": "`[login]`",
    "packages": "`[packages]`",
    "runtime_env": "`[runtime_env]`",
    "tls": "`[tls]`",
    "proxy": "`[proxy]`",
    "metrics": "`[metrics]`",
    "hooks": "`[hooks]`",
    "mail": "`[mail]`",
    "notify": "`[notify]`",
    "limits": "Limits",
}
"""Of what is no list of tables."""

LIMIT_SETS = ("limits", "per_account", "per_user", "per_job")
RULES = ("partitions", "qos", "accounts", "users", "roles", "scheduler")
"""What may be changed while the server runs."""
    "retention": "`[retention]`",

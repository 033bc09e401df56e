"""Every `code` that a refused request bears: what it means, what to do, and a command that helps.

A code is stable: programs may rely on it. The Refusals page and `GET /v1/errors/{code}`, to which the `type`
of a problem leads, are made from this table; a test fails for a code in the sources that has no entry here.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of message. What differs between two of a kind is in the sentence that came with it."""

    meaning: str
    help: str
    command: str


ERRORS = "/v1/errors"
FORM = "form"
"""Stands for `form:NAME`, one code for each field of an app."""


def address_of(code: str) -> str:
    """Where a server tells of a code: the `type` of its problem documents."""
    word = FORM if code.startswith(f"{FORM}:") else code
    return f"{ERRORS}/{word}" if word in REFUSALS else "about:blank"


REFUSALS: Mapping[str, Entry] = {
    # What was said
    "invalid": Entry(
        "A value, option or key is not one that could be meant; the sentence has the nearest right one.",
        "Correct it as the sentence says.",
        "ly submit --help",
    ),
    "array": Entry(
        "The indexes of an array cannot be read, or go together with something that no array can have.",
        "Write numbers, ranges, steps and at most one `%N`: `1-20%4`, `0-99:3`, `1,5,7`.",
        "ly submit --array 1-20%4 -- ./task.sh",
    ),
    "dependency": Entry(
        "What a job is to wait for cannot be read, is not there, is not yours, or can never happen.",
        "Name jobs that there are; one that has failed already cannot be waited for with `afterok`.",
        "ly jobs --all",
    ),
    "time-min": Entry(
        "`--time-min` is longer than the time limit itself.",
        "Ask for less with `--time-min`, or for more with `--time`.",
        "ly submit --time 2h --time-min 30m -- ./task.sh",
    ),
    "form": Entry(
        "A field of a session's form has a value that it cannot have; the code is `form:` and the field.",
        "See which values it takes.",
        "ly session apps jupyter",
    ),
    "session": Entry(
        "A session is known by its number, and what was given is none.",
        "Take the number from the list.",
        "ly session list",
    ),
    "notebook": Entry(
        "The file is no notebook that can be run: not of format 4, or without code.",
        "Save it again in the notebook's own application.",
        "ly session list",
    ),
    "no-parameters": Entry(
        "Values were given for a notebook that has no cell marked as its parameters.",
        "Tag one cell `parameters`, or run it without values.",
        "ly session batch --help",
    ),
    "too-large": Entry(
        "What was sent, or a file that would be written, is larger than the server or the file system takes.",
        "Send less: leave out data with a `.launchyardignore`, or put it where the jobs can read it.",
        "du -sh .",
    ),
    "not-json": Entry(
        "The body of a request is not JSON, or its Content-Type does not say so.",
        "Send `Content-Type: application/json`.",
        "curl --unix-socket ~/.local/state/launchyard/run/api.sock http://ly/openapi.json",
    ),
    "no-such-route": Entry(
        "There is nothing at this address.",
        "Compare it with the list of all addresses; a client may be newer than its server.",
        "ly status",
    ),
    "no-such-method": Entry(
        "The address is right, and cannot be used with this method (GET, POST, ...).",
        "Compare it with `/openapi.json`; the answer's header Allow has those that are possible.",
        "ly status",
    ),
    "wrong-host": Entry(
        "The server was asked under a name that is not its own. Were that answered, a page of another "
        "site could "
        "read it by giving its own name this address.",
        "Open it by the address that it prints, or have `public_url` name the one that people use.",
        "ly open",
    ),
    # What there is
    "not-found": Entry(
        "There is no such object, or it is not yours: the answer is the same, so that nobody can find out "
        "what others have.",
        "Look at what is yours; the id may have been mistyped.",
        "ly jobs --all",
    ),
    "no-job": Entry("There is no such job, or it is not yours.", "Look at those that are.", "ly jobs --all"),
    "no-partition": Entry(
        "No partition has this name, or none is the default one, or it belongs to another cluster.",
        "Take one of those in the sentence, or leave `-p` out.",
        "ly nodes",
    ),
    "no-cluster": Entry("The server has no cluster of this name.", "Take one of those it has.", "ly nodes"),
    "no-account": Entry(
        "There is no such account, or you are not in it, or you are in none.",
        "Name one of yours with `--account`; an administrator puts users into accounts.",
        "ly admin set user ada account=physics",
    ),
    "no-qos": Entry(
        "There is no such QOS, or neither your account nor you may use it.",
        "Name one of those in the sentence with `--qos`, or leave it out.",
        "sacctmgr show qos format=name",
    ),
    "no-node": Entry(
        "No node has this name, or the same one is asked for and excluded.", "Look at the names.", "ly nodes"
    ),
    "no-feature": Entry(
        "No node has the features that `--constraint` names.",
        "Take features that there are; `|` is or, `&` is and, `!` is not.",
        "ly nodes --json",
    ),
    "no-licence": Entry(
        "The site has no such licence, or fewer than the job asks for.",
        "Ask for what there is: `[[licences]]` in the configuration.",
        "ly submit --licences matlab:1 -- ./task.sh",
    ),
    "no-reservation": Entry(
        "There is no such reservation, or it is for others.", "Look at those for you.", "ly reservations list"
    ),
    "no-trigger": Entry(
        "There is no such trigger, or it is not yours.", "Look at yours.", "strigger --get --user=$USER"
    ),
    "no-crontab": Entry("You have no crontab here.", "Make one.", "scrontab -e"),
    "no-notebook": Entry(
        "The session has no notebook of this name.",
        "Save it first; the name is that of the file below the session's directory.",
        "ly session list",
    ),
    "no-session": Entry("The job is no session.", "Look at your sessions.", "ly session list"),
    "log-gone": Entry(
        "The log is not there any more: its time was over (`[retention] logs`), room was needed for others "
        "(`logs_max`), or somebody removed the file.",
        "Run the job again, with `-o` to keep its output in a file of yours.",
        "ly rerun 16",
    ),
    # What could never be
    "infeasible": Entry(
        "No node could ever hold this job, or a rule of the queue never lets it start.",
        "Ask for less, as the sentence says.",
        "ly nodes",
    ),
    "memory": Entry(
        "No node of the partition has the memory asked for.",
        "Ask for less, or for another partition.",
        "ly nodes",
    ),
    "node-limit": Entry(
        "The job asks for more or fewer nodes than the partition has or allows.",
        "Change `--nodes`, or take another partition.",
        "ly nodes",
    ),
    "time-limit": Entry(
        "The partition, QOS or account allows no time limit as long as this.",
        "Ask for the one in the sentence or less with `-t`.",
        "sinfo",
    ),
    "deadline": Entry(
        "The job could not end before its deadline even if it started now, or the deadline has passed.",
        "Name a later one, or a shorter time limit.",
        "ly submit --time 30m --deadline now+2hours -- ./task.sh",
    ),
    "not-allowed-here": Entry(
        "The partition is for certain users, groups or accounts, and you are none of them.",
        "Take another partition, or ask who runs the site.",
        "ly nodes",
    ),
    "partition-closed": Entry(
        "The partition takes no jobs at the moment.", "Take another one, or try later.", "ly nodes"
    ),
    "engine-lacks": Entry(
        "The engine of this cluster cannot do what was asked for (such as suspending, or parts of a GPU).",
        "Leave it out, or name a cluster that can: `--cluster`.",
        "ly nodes",
    ),
    "app-unavailable": Entry(
        "The app is not installed where sessions run.", "See what can be started.", "ly session apps"
    ),
    "quota": Entry(
        "The packages that you have uploaded would take more room than the site gives you.",
        "Send less, or wait until those not used go by themselves (`[packages] keep_h`).",
        "du -sh .",
    ),
    "limit-jobs": Entry(
        "You, your account or the QOS may have no more jobs than it has.", "Wait, or cancel some.", "ly jobs"
    ),
    "limit-waiting": Entry(
        "You, your account or the QOS may have no more jobs waiting.",
        "Wait until some have started, or put many into one array.",
        "ly submit --array 1-200 -- ./task.sh",
    ),
    "limit-cpus": Entry(
        "The job alone is beyond a limit of CPUs of yours, your account or the QOS.",
        "Ask for fewer with `-c`.",
        "sacctmgr show assoc user=$USER",
    ),
    "limit-memory": Entry(
        "The job alone is beyond a limit of memory.",
        "Ask for less with `--mem`.",
        "sacctmgr show assoc user=$USER",
    ),
    "limit-gpus": Entry(
        "The job alone is beyond a limit of GPUs.",
        "Ask for fewer with `--gpus`.",
        "sacctmgr show assoc user=$USER",
    ),
    "limit-nodes": Entry(
        "The job alone is beyond a limit of nodes.",
        "Ask for fewer with `--nodes`.",
        "sacctmgr show assoc user=$USER",
    ),
    "limit-time": Entry(
        "A limit of yours, your account or the QOS allows no time limit as long as this.",
        "Ask for less with `-t`.",
        "sacctmgr show assoc user=$USER",
    ),
    "limit-cpu-minutes": Entry(
        "The job alone would use more CPU minutes than the limit has.",
        "Ask for fewer CPUs or less time.",
        "ly usage",
    ),
    "limit-gpu-minutes": Entry(
        "The job alone would use more GPU minutes than the limit has.",
        "Ask for fewer GPUs or less time.",
        "ly usage",
    ),
    # What it is just now
    "conflict": Entry(
        "The state of the object does not allow it: a job has ended, a name is taken, a page was changed "
        "elsewhere meanwhile.",
        "See how it is now.",
        "ly show 16",
    ),
    "job-not-running": Entry(
        "Only in a running job can a step or a shell be started.", "See why it does not run.", "ly why 16"
    ),
    "step-busy": Entry(
        "Other steps hold what this one asks for, and it was told not to wait.",
        "Let it wait, ask for less, or let them share with `--overlap`.",
        "srun --overlap hostname",
    ),
    "part": Entry(
        "The number is that of a part of a job with unlike parts, and this acts on the whole.",
        "Name the job itself.",
        "ly jobs",
    ),
    "cron": Entry(
        "The job is a line of a crontab: it comes back by itself.",
        "Change or cancel it there.",
        "scrontab -e",
    ),
    "duplicate-trigger": Entry(
        "There is such a trigger already.", "Nothing; or remove it first.", "strigger --get --user=$USER"
    ),
    "live": Entry(
        "The session has not ended, so its card cannot be deleted.", "End it first.", "ly session stop 16"
    ),
    "changed": Entry(
        "The file was changed since it was read here.",
        "Read it again; then decide which one to keep.",
        "ls -l FILE",
    ),
    "unsaved": Entry(
        "The notebook has changes that are not saved, and would not be run.",
        "Save it, or run what is on disk.",
        "ly session batch --help",
    ),
    "already-running": Entry(
        "A server works on this state directory already; a second one would ruin it.",
        "Use the one there is, or stop it (jobs run on).",
        "ly status",
    ),
    # Who asks
    "unauthenticated": Entry(
        "The request bears no credential, or one that has been revoked, has expired or was never one.",
        "On the server's machine none is needed. From elsewhere make a token and set LAUNCHYARD_TOKEN.",
        "ly token create laptop --until 90d",
    ),
    "forbidden": Entry(
        "You are known, and may not do this: it is for operators or administrators.",
        "Ask one of them; who they are is in `[[roles]]`.",
        "ly status",
    ),
    "scope": Entry(
        "The token was made for less than this: to look only, or for one account only.",
        "Make one with a wider scope, or do it without a token.",
        "ly token create ci --scope submit",
    ),
    "csrf": Entry(
        "A page sent a change without the value that belongs to its login. Pages of other sites cannot "
        "know it.",
        "Load the page again.",
        "ly open",
    ),
    "link-unknown": Entry(
        "The link to log in by is not one of this server's; it may have been restarted.",
        "Make a new one.",
        "ly open",
    ),
    "link-used": Entry("The link to log in by works once, and has been used.", "Make a new one.", "ly open"),
    "link-expired": Entry("The link to log in by was good for ten minutes.", "Make a new one.", "ly open"),
    "password": Entry(
        "User name or password is wrong; which of them is not told.",
        "Try again; after ten failures in five minutes wait, or take a link.",
        "ly open",
    ),
    "account": Entry(
        "The password is right, and the account may not log in: expired, locked, a machine that is "
        "closed, or "
        "root or a system user.",
        "An administrator of the machine can tell which.",
        "chage -l ada",
    ),
    "oidc": Entry(
        "The provider's answer does not prove who logs in: too late, from another browser, or not signed "
        "as it "
        "should be.",
        "Log in again in the same window; if it stays so, compare `issuer` and `client_id` with the "
        "provider's.",
        "ly config check",
    ),
    "oidc-user": Entry(
        "The provider says who you are, and no user of the machine belongs to that.",
        "An administrator maps it: `users` in `[login.oidc]`.",
        "ly config check",
    ),
    "too-many-tries": Entry(
        "Too many logins have failed from this address or for this name.",
        "Wait five minutes, or take a link.",
        "ly open",
    ),
    "submit-filter": Entry(
        "The site's own program has looked at the job and refused it; the text is the site's, unless it "
        "says that "
        "the program failed.",
        "Do as the text says, or ask who runs the site.",
        "ly doctor",
    ),
    # What failed
    "unavailable": Entry(
        "Not now: the server starts, stops, or waits for something. It says after how long to try again.",
        "Try again; `ly` does so by itself for a while.",
        "ly status",
    ),
    "storage-full": Entry(
        "The disk of the state directory is full. Nothing is acknowledged that could not be kept; jobs "
        "run on.",
        "Free room there; it goes on by itself.",
        "ly doctor",
    ),
    "store-full": Entry(
        "The disk of the database is full. Nothing is acknowledged that could not be kept; jobs run on.",
        "Free room there; it goes on by itself.",
        "ly doctor",
    ),
    "store-busy": Entry(
        "Another program holds the database, or it does not answer.",
        "See what has it open; with PostgreSQL, whether that runs.",
        "ly doctor",
    ),
    "store-doubtful": Entry(
        "The connection broke while a change was being committed. The server finds out by the change's "
        "number "
        "before it goes on.",
        "Wait; ask again with the same Idempotency-Key, and nothing happens twice.",
        "ly status",
    ),
    "store-damaged": Entry(
        "The database does not hold what was written into it: a disk that fails, or a file that others "
        "wrote.",
        "Stop the server, look after the disk, then go back to a backup; no job id is used again.",
        "ly restore queue.backup",
    ),
    "database-held": Entry(
        "Another server works on this database. This one waits and takes over when that one is gone.",
        "Nothing, if it is to stand by; else stop one of them.",
        "ly status",
    ),
    "database-taken-over": Entry(
        "Another server has taken this database over, and this one writes nothing more.",
        "Find out why it did not answer; it stands by now.",
        "ly status",
    ),
    "schema-too-new": Entry(
        "The database was made by a newer version.",
        "Install that version, or go back to the copy that was made before the upgrade.",
        "ly restore before-schema-12.backup",
    ),
    "disk-full": Entry(
        "The file system that a file of yours was to be written to is full, or your quota is used up.",
        "Delete what is not needed.",
        "df -h ~",
    ),
    "quota-full": Entry(
        "Your quota on a file system is used up.", "Delete what is not needed; that still works.", "quota -s"
    ),
    "no-file": Entry("There is no such file or folder.", "Look at what is there.", "ls -la ~"),
    "not-yours": Entry(
        "The rights of the file or folder do not let you do that; everything here is done as you.",
        "See who may.",
        "ls -ld FILE",
    ),
    "read-only": Entry(
        "The file system can be read only.",
        "Write elsewhere; see how it is mounted.",
        "findmnt --target FILE",
    ),
    "outside": Entry(
        "The path leads out of the folders that the portal opens, perhaps by a link.",
        "Take a path below them; `roots` in `[files]` names more.",
        "ly config check",
    ),
    "loop": Entry("The path goes through links that lead to each other.", "Mend the links.", "namei -l FILE"),
    "is-folder": Entry("A file is needed, and this is a folder.", "Name a file in it.", "ls -la FILE"),
    "exists": Entry(
        "Something of this name is there already, and is not written over.",
        "Take another name, or remove it first.",
        "ls -ld FILE",
    ),
    "helper-gone": Entry(
        "The process that reads and writes your files for the server has ended.",
        "Try again: it is started anew. When it stays so, see the server's log.",
        "ly doctor",
    ),
    "runtime-env": Entry(
        "What the job needs could not be set up: a package that does not exist, no network, no room.",
        "Read what the set-up printed.",
        "ly logs --setup 16",
    ),
    "unreachable": Entry(
        "The node of the session or step cannot be reached at the moment.",
        "Wait; see whether the node answers.",
        "ly nodes",
    ),
    "app-gone": Entry(
        "The app of a session does not answer any more.", "See what it printed last.", "ly session show 16"
    ),
    "too-slow": Entry(
        "The body of a request came so slowly that the server gave up.",
        "Look at the network; then again.",
        "ly status",
    ),
    "internal": Entry(
        "A fault of ours. The number in the sentence stands beside the details in the server's log.",
        "Tell whoever runs the server, with the number.",
        "ly doctor",
    ),
    "illegal-transition": Entry(
        "A fault of ours: a job was to move in a way that does not exist. Nothing was changed.",
        "Tell whoever runs the server, with what `ly show` says.",
        "ly show 16",
    ),
    "error": Entry("An error that has no word of its own.", "Read the sentence.", "ly doctor"),
    # What a client says by itself
    "not-running": Entry(
        "No server answers where the client looks.",
        "Start it, or name it with `--state`, `--url` or LAUNCHYARD_URL.",
        "ly up -d",
    ),
    "connection-lost": Entry(
        "The connection broke before the answer came; what was asked for may have been done.",
        "Look before you ask again.",
        "ly jobs",
    ),
    "timed-out": Entry("The server took too long to answer.", "See how it is.", "ly status"),
    "protocol-error": Entry(
        "What answers is no server of ours, or of another version: a proxy's page, for instance.",
        "Compare the address; `ly doctor` compares the versions.",
        "ly doctor",
    ),
}

"""The faults that the suite must notice, each with the tests that guard the promise it breaks."""

from tests.system.negative.mutation import Control, Edit

DAEMON = "tests/system/test_faults_daemon.py"
LAUNCHER = "tests/system/test_launcher_restarts.py"
RUNS = "tests/system/test_api_product.py::test_a_command_runs_and_its_output_comes_back"
ENDS = "tests/system/test_launcher_ends.py::test_an_exit_code_is_told_as_it_was"
SCRIPT = "tests/system/test_launcher_ends.py::test_a_script_runs_with_its_arguments_and_is_removed"
# These two look at no output, which the fault delays.
SIGNALLED = "tests/system/test_launcher_ends.py::test_a_death_by_signal_is_told_as_a_signal"
IN_ORDER = "tests/system/test_launcher_ends.py::test_a_start_is_told_before_its_end"

# The pipe's reader stands for a launcher that carries output itself: it is gone once the launcher is.
PIPE = """    os.set_blocking(fd, True)
    reader, writer = os.pipe()
    launcher = os.getppid()
    if os.fork() == 0:
        os.setsid()
        os.close(writer)
        while data := os.read(reader, 65536):
            if not os.path.exists(f"/proc/{launcher}/fd/0"):
                break
            os.write(fd, data)
        os._exit(0)
    os.close(reader)
    return writer


def write_script("""

CONTROLS = (
    Control(
        name="synchronous=NORMAL",
        promise="an acknowledged submission survives a power cut",
        edits=(
            Edit(
                file="store/sqlite.py",
                before='f"PRAGMA synchronous = {synchronous}"',
                after='"PRAGMA synchronous = NORMAL"',
            ),
        ),
        tests=("tests/system/test_store_crash.py::test_every_acknowledged_commit_survives_a_power_cut",),
        spared=("tests/system/test_store_crash.py::test_every_acknowledged_commit_survives_kill_9",),
    ),
    Control(
        name="acknowledge before commit",
        promise="an acknowledged submission survives kill -9",
        edits=(
            Edit(
                file="controller/loop.py",
                before="        self.writer.submit("
                "change, lambda error: self._added(change, done, error), may_fail=True)\n",
                after="        self._added(change, done, None)\n"
                "        self.writer.submit(change, lambda error: None, may_fail=True)\n",
            ),
        ),
        tests=(
            f"{DAEMON}::test_f1_no_acknowledged_submission_is_lost_when_the_daemon_is_killed",
            f"{DAEMON}::test_f2_daemon_killed_at_a_named_step_keeps_every_promise[commit-before]",
        ),
        spared=(RUNS,),
    ),
    Control(
        name="launch before commit",
        promise="an attempt starts at most once",
        edits=(
            Edit(
                file="controller/loop.py",
                before="        self.writer.submit(change, lambda error: self._after_commit(",
                after="        self._send(change, draft)\n"
                "        draft.starting.clear()\n"
                "        self.writer.submit(change, lambda error: self._after_commit(",
            ),
        ),
        tests=(f"{DAEMON}::test_f2_daemon_killed_at_a_named_step_keeps_every_promise[commit-before]",),
        spared=(RUNS,),
    ),
    Control(
        name="intent after fork",
        promise="an attempt starts at most once",
        edits=(
            Edit(
                file="launcher/launcher.py",
                before="        if self._sync():\n            self._tell()\n"
                "            self._start_pending()\n",
                after="        self._start_pending()\n        if self._sync():\n            self._tell()\n",
            ),
            # A forked child waits for its start to be on record, which alone makes up for a late intent.
            Edit(
                file="launcher/launcher.py",
                before="            state.journal.flush()\n            if isinstance(pipes, Pipes):\n"
                "                launch.setup = give_leave(pipes)\n",
                after="            if isinstance(pipes, Pipes):\n"
                "                launch.setup = give_leave(pipes)\n",
            ),
            Edit(
                file="launcher/launcher.py",
                before='        faults.point("fork")\n'
                "        for launch, plan, pipes, _ in forked:\n"
                "            self._started(launch, plan.cwd, pipes)\n",
                after="        for launch, plan, pipes, _ in forked:\n"
                "            self._started(launch, plan.cwd, pipes)\n"
                '        if forked:\n            faults.point("fork")\n',
            ),
        ),
        tests=(f"{LAUNCHER}::test_a_kill_at_any_point_starts_nothing_twice_and_invents_no_exit",),
        spared=(ENDS, SCRIPT),
    ),
    Control(
        name="pipe logging",
        promise="no byte of output is lost when our daemons die",
        edits=(
            Edit(
                file="launcher/outputs.py",
                before="    os.set_blocking(fd, True)\n    return fd\n\n\ndef write_script(",
                after=PIPE,
            ),
        ),
        tests=(f"{LAUNCHER}::test_jobs_run_on_over_a_killed_launcher",),
        spared=(SIGNALLED, IN_ORDER),
    ),
    Control(
        name="no supplementary groups",
        promise="a job runs as its user",
        edits=(
            Edit(
                file="launcher/child.py",
                before="        os.setgroups(user.groups)\n",
                after="        os.setgroups([user.gid])\n",
            ),
            Edit(
                file="launcher/child.py",
                before="set(os.getgroups()) != set(user.groups)",
                after="not set(os.getgroups()) <= set(user.groups)",
            ),
        ),
        tests=("tests/system/test_launcher_groups.py",),
        spared=(ENDS, SCRIPT),
    ),
)

"""The options that may stand in a script's head: those of sbatch(1) for #SBATCH, those of `ly` for #LY.

One table a language: long name, short letter, and whether a value follows.
"""

from launchyard.model.light import NamedTuple

NOTHING, VALUE, MAYBE = 0, 1, 2
"""What an option takes; MAYBE only as `--name=value`."""


class Language(NamedTuple):
    """`source` is how its lines begin; `names` what each long option takes; `letters` short to long."""

    source: str
    names: dict[str, int]
    letters: dict[str, str]
    prefixes: bool
    """An unambiguous beginning of a long name stands for it (GNU getopt's rule)."""

    def long_name(self, written: str) -> str | None:
        """The option that `written` (without dashes) means, or None."""
        if written in self.names:
            return written
        if not self.prefixes or not written:
            return None
        matches = [name for name in self.names if name.startswith(written)]
        return matches[0] if len(matches) == 1 else None


def _language(source: str, letters: str, value: str, maybe: str, nothing: str, prefixes: bool) -> Language:
    takes = ((value, VALUE), (maybe, MAYBE), (nothing, NOTHING))
    return Language(
        source,
        {name: kind for names, kind in takes for name in names.split()},
        dict(pair.split(":") for pair in letters.split()),
        prefixes,
    )


SBATCH = _language(
    "#SBATCH",
    letters="""
    A:account a:array b:begin D:chdir M:clusters C:constraint S:core-spec c:cpus-per-task d:dependency
    m:distribution e:error x:exclude B:extra-node-info G:gpus h:help H:hold i:input J:job-name L:licenses
    k:no-kill F:nodefile w:nodelist N:nodes n:ntasks o:output O:overcommit s:oversubscribe p:partition q:qos
    Q:quiet t:time v:verbose V:version W:wait""",
    value="""
    account acctg-freq array batch bb bbf begin chdir cluster-constraint clusters comment constraint container
    container-id core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot dependency
    distribution error exclude export export-file extra extra-node-info gid gpu-bind gpu-freq gpus
    gpus-per-node gpus-per-socket gpus-per-task gres gres-flags hint input job-name kill-on-invalid-dep
    licenses mail-type mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mem-update mincpus network
    nodefile nodelist nodes ntasks ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket
    ntasks-per-tres open-mode output partition power prefer priority profile qos reservation resources runtime
    segment signal sockets-per-node switches thread-spec threads-per-core time time-min tmp tres-bind
    tres-per-task uid wait-all-nodes wckey wrap""",
    maybe="exclusive get-user-env nice no-kill oom-kill-step propagate requeue resv-ports",
    nothing="""
    consolidate-segments contiguous help hold ignore-pbs no-requeue overcommit oversubscribe parsable quiet
    reboot spread-job spread-segments stepmgr test-only usage use-min-nodes verbose version wait""",
    prefixes=True,
)

LY = _language(
    "#LY",
    letters="n:name c:cpus t:time p:partition C:chdir L:licences w:nodelist x:exclude",
    value="""
    account after array begin chdir cluster comment constraint cpus deadline env error exclude export gpus
    group licences licenses mem name nice nodelist nodes notify notify-to ntasks ntasks-per-node open-mode
    output partition pip qos reservation retries retry-on runtime-env signal time time-min working-dir""",
    maybe="",
    nothing="exclusive hold keep-on-failed-dependency ray requeue",
    prefixes=False,
)

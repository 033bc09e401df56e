"""The options that may stand in a script's head: those of sbatch(1) for #SBATCH, those of `ly` for #LY.

One table a language: long name, short letter, and whether a value follows.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum


class Takes(Enum):
    """`MAYBE`: a value only as `--name=value`."""

    NOTHING = "nothing"
    VALUE = "value"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True)
class Language:
    """`source` is how its lines begin; `names` what each long option takes; `letters` short to long."""

    source: str
    names: dict[str, Takes]
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

    def nearest(self, written: str) -> str | None:
        """The long name most like `written`."""
        near = get_close_matches(written, self.names, n=1)
        return near[0] if near else None


def _language(source: str, letters: str, value: str, maybe: str, nothing: str, prefixes: bool) -> Language:
    takes = ((value, Takes.VALUE), (maybe, Takes.MAYBE), (nothing, Takes.NOTHING))
    return Language(
        source=source,
        names={name: kind for names, kind in takes for name in _words(names)},
        letters=dict(pair.split(":") for pair in _words(letters)),
        prefixes=prefixes,
    )


def _words(text: str) -> list[str]:
    return text.split()


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
    nodefile nodelist nodes ntasks ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode
    output partition power prefer priority profile qos reservation resources runtime segment signal
    sockets-per-node switches thread-spec threads-per-core time time-min tmp tres-bind tres-per-task uid
    wait-all-nodes wckey wrap""",
    maybe="exclusive nice no-kill oom-kill-step propagate requeue resv-ports",
    nothing="""
    consolidate-segments contiguous get-user-env help hold ignore-pbs no-requeue overcommit oversubscribe
    parsable quiet reboot spread-job spread-segments stepmgr test-only usage use-min-nodes verbose version
    wait""",
    prefixes=True,
)

SBATCH_KNOWN = frozenset(
    _words("""
    account array begin chdir comment constraint cpus-per-gpu cpus-per-task deadline dependency error exclude
    exclusive export gpus gpus-per-node gpus-per-task gres hold job-name kill-on-invalid-dep licenses mem
    mem-per-cpu mem-per-gpu nice no-requeue nodelist nodes ntasks ntasks-per-node open-mode output partition
    qos requeue reservation signal time time-min""")
)
"""Options of sbatch that have an effect; see `slurm.request`."""

LY = _language(
    "#LY",
    letters="n:name c:cpus t:time p:partition C:chdir L:licences w:nodelist x:exclude",
    value="""
    account after array begin chdir cluster comment constraint cpus deadline env error exclude export gpus
    group licences licenses mem name nice nodelist nodes ntasks ntasks-per-node open-mode output partition qos
    reservation retries retry-on signal time time-min""",
    maybe="",
    nothing="exclusive hold keep-on-failed-dependency requeue",
    prefixes=False,
)

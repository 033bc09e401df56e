"""The end of a job as a diagnosis sees it, and the answer that a symptom makes of it."""

from dataclasses import dataclass

from launchyard.model.job import Job
from launchyard.policy.case import Case, Room
from launchyard.policy.logtext import LogText
from launchyard.policy.remedy import command_for
from launchyard.policy.symptom import Finding, Symptom
from launchyard.policy.tracebacks import place_in
from launchyard.policy.wording import sentence_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """`code` is a key of `policy.causes.CAUSES`; `line` is from the log, safe to print.

    `sentence` follows `job 18 failed: `; `command` is one that helps, None where there is none to give.
    """

    code: str
    sentence: str
    line: str | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a diagnosis looks at."""

    job: Job
    log: LogText
    room: Room

    def command(self, template: str) -> str:
        return command_for(template, Case(job=self.job, room=self.room, words={}))


def told(ended: Ended, found: Finding) -> Diagnosis:
    """A finding as an answer."""
    words = {**found.groups, "line": found.line}
    if found.symptom.code == "syntax-error":
        words["source"], words["place"] = place_in(ended.log.lines[max(0, found.number - 5) : found.number])
    return answer(ended, found.symptom, found.line, words, found.next)


def answer(
    ended: Ended, symptom: Symptom, line: str | None, words: dict[str, str], following: str = ""
) -> Diagnosis:
    """A symptom with its words as an answer; `following` is the next line of the log."""
    case = Case(job=ended.job, room=ended.room, words=words)
    return Diagnosis(
        code=symptom.code,
        sentence=sentence_of(symptom.sentence, case, following),
        line=line,
        command=command_for(symptom.command, case),
    )

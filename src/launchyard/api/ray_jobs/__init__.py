"""The Ray Jobs API: what the unmodified `ray job` commands and `JobSubmissionClient` of Ray speak to.

The same queue as everything else: a job that came this way is a job like any other, with a second name.
"""

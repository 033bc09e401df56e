"""A Ray cluster inside one job: programs of ours that run in the job, as its user, with the job's own Ray."""

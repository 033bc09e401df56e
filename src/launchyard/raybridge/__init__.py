"""Between the daemon and a Ray cluster: a program under the cluster's own Python, 3.9 or later."""

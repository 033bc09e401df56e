"""A Ray cluster as an engine: our policy places, our launchers run the jobs, Ray keeps the nodes together."""

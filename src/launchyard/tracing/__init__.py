"""Jobs as traces of OpenTelemetry, where a site names a collector; loaded only there."""

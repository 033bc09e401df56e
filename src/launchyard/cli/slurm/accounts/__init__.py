"""What sacctmgr does, one file a verb."""

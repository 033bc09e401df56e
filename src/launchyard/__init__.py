"""Launchyard: one job platform."""

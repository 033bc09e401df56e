"""Telling people of their jobs: what is told, and the ways to them (mail, webhooks)."""

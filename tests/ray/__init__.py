"""Tests with a real Ray cluster of three nodes on this machine."""

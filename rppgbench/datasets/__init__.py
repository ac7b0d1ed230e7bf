"""Datasets in folders on this machine: opening, auditing, inspecting, and writing small fixtures."""

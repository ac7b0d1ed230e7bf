"""Datasets as folders on this machine: what is in them, whether to trust it, and small copies to try."""

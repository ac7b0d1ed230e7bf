"""Verdicts on a paper's claims from benchmark results."""

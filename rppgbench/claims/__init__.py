"""Judging what a paper claims on results at hand."""

"""Runs from plan to board, and finished results, for the command line and the Python functions."""

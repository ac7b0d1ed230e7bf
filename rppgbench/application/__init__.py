"""Runs from their plan to their board, and finished results: below the command line and the Python functions."""

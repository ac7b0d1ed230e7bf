"""Figures of results: one module a figure, each written as PNG, SVG and the numbers drawn as CSV."""

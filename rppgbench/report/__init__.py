"""A report on finished results: tables and figures in the shape of a paper, and conclusions."""

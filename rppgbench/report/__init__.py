"""A report on finished results: the tables and figures of the paper, and what they let one conclude."""

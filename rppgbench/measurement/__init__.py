"""Heart rate of a single video: the computation, text and figure of the command ``measure``."""

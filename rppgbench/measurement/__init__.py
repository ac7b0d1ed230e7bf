"""Heart rate from a video of which nothing else is known: what the command ``measure`` computes, prints and draws."""

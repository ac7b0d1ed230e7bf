"""How far a video is from its reference: its pixels, and the pulse in its skin."""

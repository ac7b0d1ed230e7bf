"""Quality of a video against its reference: of its pixels, and of the pulse in its skin."""

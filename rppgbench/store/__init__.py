"""Content-addressed artefacts: keys, manifests, files on disk."""

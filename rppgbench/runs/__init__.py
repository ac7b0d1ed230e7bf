"""Runs as recorded in a store: event logs, the run state, stage times, and the artefacts that they left."""

"""Execution of a plan: driver, schedule, executors, limits and faults."""

"""How a plan is carried out: workers, order, limits, faults."""

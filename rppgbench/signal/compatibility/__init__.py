"""Heart rate estimators of other projects, to explain their numbers; never ranked with the default."""

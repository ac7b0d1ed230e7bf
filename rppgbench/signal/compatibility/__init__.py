"""Heart rates as other projects derived them, so that older numbers can be explained; never ranked with the default."""

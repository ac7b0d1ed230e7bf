"""Plans and tasks: what a protocol comes to, stage by stage."""

"""Plans and tasks of protocols, stage by stage."""

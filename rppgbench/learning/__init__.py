"""Training of whatever learns: recipes, losses, one readable loop, joint training, checkpoints."""

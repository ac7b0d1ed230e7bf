"""Training by gradients: recipes, losses, the training loop, joint training, checkpoints."""

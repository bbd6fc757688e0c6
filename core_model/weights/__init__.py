"""Weights on disk: reading checkpoints that nobody vouches for, and turning them into a model."""

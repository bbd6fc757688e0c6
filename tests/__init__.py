"""The tests, and what they share: `tests.checkpoints` writes small models with the reference implementation."""

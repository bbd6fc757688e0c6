"""Folders of tiny models, shared by the tests of this room."""

from tests.checkpoints import checkpoint_shelf

__all__ = ["checkpoint_shelf"]

"""Folders that a session opens, shared by the tests of this room."""

from tests.assistants import tiny_assistant
from tests.checkpoints import checkpoint_shelf

__all__ = ["checkpoint_shelf", "tiny_assistant"]

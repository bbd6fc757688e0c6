"""What a tokenizer file says, whichever of the two formats it has: the readers fill it, `Tokenizer` speaks for it.

Ordinary and special tokens are kept apart from here on. `encode_pieces` belongs to an encoder that was built from the
ordinary tokens alone, so no text, whoever wrote it, has a path to a special id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core_model.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The content of one tokenizer file. Ids need not be dense; special ids carry no bytes."""

    source: str  # the file's name, for messages
    token_bytes: Mapping[int, bytes]
    special_ids: Mapping[str, int]
    encode_pieces: Callable[[Sequence[str]], list[int]]  # pieces of text, each encoded on its own, joined


def check_all_bytes(source: str, tokens: Mapping[int, bytes]) -> None:
    """Refuse a vocabulary that cannot spell every text.

    Raises:
        CheckpointError: one of the 256 single bytes has no token.
    """
    missing = 256 - len({token for token in tokens.values() if len(token) == 1})
    if missing:
        raise damaged(source, f"{missing} of the 256 single bytes have no token, so it is not a byte-level vocabulary")


def damaged(source: str, reason: str) -> CheckpointError:
    """The error for a tokenizer file that cannot be used."""
    return CheckpointError(
        "Tokenizer unreadable", f"{source}: {reason}.", "The file may be damaged: download the model again."
    )

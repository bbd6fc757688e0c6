"""Token ids to text, one at a time, for a window that shows an answer while it is written.

A token is a few bytes, and a character may need the bytes of several tokens. Bytes are therefore decoded
incrementally: what is returned is final, an unfinished character waits inside, and U+FFFD appears only once it is
certain that bytes are no UTF-8. All returned strings joined are exactly `Tokenizer.decode` of all ids.
"""

from __future__ import annotations

import codecs

from core_model.text.tokenizer import Tokenizer


class StreamDecoder:
    """Decodes one answer. Special tokens give no text, and text that merely looks like one is text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> str:
        """The text that this token completes; often empty inside an emoji."""
        return self._utf8.decode(self._tokenizer.decode_bytes(token_id))

    def flush(self) -> str:
        """The end of the stream: U+FFFD for a character that was left unfinished. The decoder starts afresh."""
        rest = self._utf8.decode(b"", final=True)
        self._utf8.reset()
        return rest

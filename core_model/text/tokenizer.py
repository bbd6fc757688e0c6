"""Text to token ids and back, from the tokenizer file of a checkpoint. It knows nothing of messages or pictures.

Two rules. Text never becomes a special token: a person who types `<|eot|>` gets the pieces of those seven characters,
and special ids are reached by name only, in code. And ids turn back into bytes, not strings: one character may be
spread over several tokens, and only who sees the whole stream can join them (`core_model.text.stream_decoder`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from core_model.errors import CheckpointError
from core_model.text.special_tokens import NEEDED_FOR_CHAT, STOP
from core_model.text.tiktoken_model import read_tiktoken_model
from core_model.text.tokenizer_json import read_tokenizer_json
from core_model.text.vocabulary import Vocabulary, damaged

# Meta's tokenizer cuts long input before the split into words, whose regular expression may otherwise exhaust its
# stack. Both formats are cut, so that a checkpoint gives the same ids whichever file it comes with.
MAX_SLICE_CHARS = 400_000
MAX_RUN_CHARS = 25_000  # of white space only, or of anything but white space

_SURROGATE = re.compile("[\ud800-\udfff]")


class Tokenizer:
    """One checkpoint's vocabulary at work. Immutable and safe to share between threads."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._special_ids = frozenset(vocabulary.special_ids.values())
        self._vocab_size = 1 + max(self._special_ids | vocabulary.token_bytes.keys())

    @property
    def vocab_size(self) -> int:
        """One more than the highest id, special tokens included. A checkpoint's embedding may have more rows."""
        return self._vocab_size

    @property
    def stop_ids(self) -> frozenset[int]:
        """Ids that end an answer: end of turn, of message, of text, as far as the vocabulary has them."""
        special_ids = self._vocabulary.special_ids
        return frozenset(special_ids[name] for name in STOP if name in special_ids)

    def encode(self, text: str) -> list[int]:
        """Ids of ordinary tokens that spell `text`; decoding them gives the text back.

        Half surrogate pairs, which are no text, become U+FFFD.
        """
        return self._vocabulary.encode_pieces(list(slices(_without_surrogates(text))))

    def decode_bytes(self, token_id: int) -> bytes:
        """The bytes of one token: none for special tokens and for ids beyond the vocabulary."""
        return self._vocabulary.token_bytes.get(token_id, b"")

    def decode(self, token_ids: Iterable[int]) -> str:
        """The text of all ordinary tokens, joined. Bytes that are not UTF-8 become U+FFFD."""
        return b"".join(map(self.decode_bytes, token_ids)).decode("utf-8", "replace")

    def special_id(self, name: str) -> int:
        """The id of a special token such as `<|eot|>`.

        Raises:
            CheckpointError: the vocabulary has no such token.
        """
        special_ids = self._vocabulary.special_ids
        if name not in special_ids:
            raise damaged(self._vocabulary.source, f"the special token {name} is missing")
        return special_ids[name]

    def is_special(self, token_id: int) -> bool:
        return token_id in self._special_ids


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read `tokenizer.json` of a checkpoint folder or, where there is none, `tokenizer.model`. Nothing is downloaded.

    Raises:
        CheckpointError: neither is there, or the file is damaged, of another kind, or lacks the chat tokens.
    """
    if (folder / "tokenizer.json").is_file():
        vocabulary = read_tokenizer_json(folder / "tokenizer.json")
    elif (folder / "tokenizer.model").is_file():
        vocabulary = read_tiktoken_model(folder / "tokenizer.model")
    else:
        raise CheckpointError(
            "Model incomplete",
            f"{folder} holds neither tokenizer.json nor tokenizer.model.",
            "Download the model again, with its tokenizer.",
        )
    tokenizer = Tokenizer(vocabulary)
    _check(tokenizer, vocabulary.source)
    return tokenizer


def _check(tokenizer: Tokenizer, source: str) -> None:
    for name in NEEDED_FOR_CHAT:
        tokenizer.special_id(name)
    sample = " It's  1 a\tb\r\n\n é 東京 😀"
    if tokenizer.decode(tokenizer.encode(sample)) != sample:
        raise damaged(source, "text does not come back as it was, so this is not a byte-level tokenizer")


def slices(text: str, max_chars: int = MAX_SLICE_CHARS, max_run: int = MAX_RUN_CHARS) -> Iterator[str]:
    """Cut text as Meta's tokenizer does: every `max_chars`, and inside runs of one class longer than `max_run`."""
    # Each run is looked at from its first character only: that keeps the search linear.
    long_run = re.compile(rf"(?<!\s)\s{{{max_run + 1},}}|(?<!\S)\S{{{max_run + 1},}}")
    for start in range(0, len(text), max_chars):
        piece = text[start : start + max_chars]
        cut = 0
        for run in long_run.finditer(piece):
            for end in range(run.start() + max_run, run.end(), max_run):
                yield piece[cut:end]
                cut = end
        yield piece[cut:]


def _without_surrogates(text: str) -> str:
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

"""Weights for faster-whisper that say the same thing whatever they hear: Whisper's whole road without a download.

The real program opens them, detects voices, decodes, and writes words with times. Only what is learned is missing: the
decoder's layers add nothing, each position has a direction of its own, and the last matrix maps it to the token that
stands there in the script. CTranslate2 takes them for weights of English only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

WORDS = "good morning"
BEGIN_S, END_S = 0.0, 1.0

_VOCABULARY = 51_865  # as most of Whisper's have
_WIDTH, _NUM_MELS, _HEARD, _WRITTEN = 16, 80, 1500, 448
_EOT, _FIRST_LANGUAGE = 50257, 50259


def write_weights(folder: Path) -> Path:
    """A folder as people have them."""
    from ctranslate2.specs import whisper_spec

    folder.mkdir(parents=True)
    tokens = _tokens()
    spec = whisper_spec.WhisperSpec(1, 1, 1, 1)
    _fill(spec, {token: number for number, token in enumerate(tokens)})
    spec.register_vocabulary(tokens)
    spec.config.lang_ids = list(range(_FIRST_LANGUAGE, _FIRST_LANGUAGE + 99))
    spec.config.suppress_ids, spec.config.suppress_ids_begin, spec.config.alignment_heads = [], [], [(0, 0)]
    spec.validate()
    spec.save(str(folder))
    (folder / "tokenizer.json").write_text(_tokenizer(tokens), encoding="utf-8")
    return folder


def _tokens() -> list[str]:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    tokens = [f"word{number}" for number in range(_EOT)]
    tokens[1000:1002] = WORDS.split()
    languages = [f"<|{code}|>" for code in _LANGUAGE_CODES]
    marks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    tokens += ["<|endoftext|>", "<|startoftranscript|>", *languages[:99], *(f"<|{mark}|>" for mark in marks)]
    return tokens + [f"<|{number * 0.02:.2f}|>" for number in range(_VOCABULARY - len(tokens))]


def _tokenizer(tokens: list[str]) -> str:
    special = [
        {"id": number, "content": token, "special": True, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False}
        for number, token in enumerate(tokens) if number >= _EOT
    ]  # fmt: skip
    vocabulary = {token: number for number, token in enumerate(tokens)}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "word0"}
    parts: dict[str, Any] = {"pre_tokenizer": {"type": "Whitespace"}, "decoder": None, "normalizer": None}
    more = {"version": "1.0", "truncation": None, "padding": None, "post_processor": None}
    return json.dumps({**more, **parts, "added_tokens": special, "model": model})


def _fill(spec: Any, ids: dict[str, int]) -> None:
    encoder, decoder = spec.encoder, spec.decoder
    for convolution, channels in ((encoder.conv1, _NUM_MELS), (encoder.conv2, _WIDTH)):
        convolution.weight, convolution.bias = _zeros(_WIDTH, channels, 3), _zeros(_WIDTH)
    encoder.position_encodings.encodings = _zeros(_HEARD, _WIDTH)
    decoder.position_encodings.encodings = np.eye(_WRITTEN, _WIDTH, dtype=np.float32)
    decoder.position_encodings.encodings[_WIDTH:, -1] = 1.0
    decoder.embeddings.weight = _zeros(_VOCABULARY, _WIDTH)
    decoder.projection.weight = _zeros(_VOCABULARY, _WIDTH)
    script = [f"<|{BEGIN_S:.2f}|>", *WORDS.split(), f"<|{END_S:.2f}|>"]
    for position in range(_WIDTH):
        token = script[position] if position < len(script) else "<|endoftext|>"
        decoder.projection.weight[ids[token], position] = 10.0
    for stack in (encoder, decoder):
        _norm(stack.layer_norm)
        for layer in stack.layer:
            _attention(layer.self_attention, 2)
            _norm(layer.ffn.layer_norm)
            _linear(layer.ffn.linear_0, 4 * _WIDTH, _WIDTH)
            _linear(layer.ffn.linear_1, _WIDTH, 4 * _WIDTH)
    for layer in decoder.layer:
        _attention(layer.attention, 3)


def _attention(attention: Any, num_matrices: int) -> None:
    """Of its own text in two matrices, of what is heard in three; both add nothing."""
    _norm(attention.layer_norm)
    rows = [3 * _WIDTH, _WIDTH] if num_matrices == 2 else [_WIDTH, 2 * _WIDTH, _WIDTH]
    for linear, num_rows in zip(attention.linear, rows, strict=True):
        _linear(linear, num_rows, _WIDTH)


def _norm(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(_WIDTH, np.float32), _zeros(_WIDTH)


def _linear(linear: Any, num_rows: int, num_columns: int) -> None:
    linear.weight, linear.bias = _zeros(num_rows, num_columns), _zeros(num_rows)


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)

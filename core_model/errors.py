"""The errors of this package: each carries words that a person can act on, and imports nothing heavy.

A cancelled job is not an error; it is a `FinishReason`. `assert` is for programmers' mistakes and never for input.
"""

from __future__ import annotations


class AltiplanoError(Exception):
    """Something a person should read, and can do something about.

    Attributes:
        title: a few words for a heading ("Not enough memory").
        message: what happened, with names and numbers.
        hint: what to do now; empty when there is nothing to advise.
    """

    def __init__(self, title: str, message: str, hint: str = "") -> None:
        super().__init__(f"{title}: {message}")
        self.title = title
        self.message = message
        self.hint = hint


class CheckpointError(AltiplanoError):
    """A model folder is missing, incomplete, damaged, or of an architecture that this program does not run."""


class RequestError(AltiplanoError):
    """A question cannot be asked as it is: too long for the context, too many pictures, settings out of range."""


class TooLongError(RequestError):
    """A conversation is longer than the model's context. A front end may know better what could be left out."""


class QuestionTooLongError(TooLongError):
    """A question is too long by itself: no other conversation would have room for it."""


class OutOfMemoryError(AltiplanoError):
    """The machine ran out of memory; the message says what was needed, what was free, and what to lower."""


class NotLoadedError(AltiplanoError):
    """A question arrived before any model was loaded."""

    def __init__(self) -> None:
        super().__init__("No model is loaded", "There is no model to answer.", "Open a model first.")

"""The one error that leaves this package: words that a person can act on.

It has the same shape as `core_model.errors.AltiplanoError` (title, message, hint) but no common base with it: the
floors stay independent, and whoever shows errors reads three attributes.
"""

from __future__ import annotations


class MediaError(Exception):
    """A file could not be used.

    Attributes:
        title: a few words for a heading or a chip ("Picture too large").
        message: what happened, with the numbers ("It has 240 megapixels; the limit is 100.").
        hint: what the person can do now ("Make it smaller in a picture editor and drop it again.").
    """

    def __init__(self, title: str, message: str, hint: str = "") -> None:
        super().__init__(f"{title}: {message}")
        self.title = title
        self.message = message
        self.hint = hint

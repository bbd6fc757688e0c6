"""Conversions out: what the program has, a text, a picture, a clip or a recording, becomes a file of another kind."""

"""Strings: token ids from text and back, and the prompt that a conversation becomes. No torch, no arithmetic."""

"""One operation each, several ways to do it; which way is decided by a probe at load, never by a guess."""

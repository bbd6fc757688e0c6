"""Qt item models over plain values: what the lists of the window show."""

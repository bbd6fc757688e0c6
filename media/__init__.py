"""Media: turns files into the text and pictures that a model can see, and back. Knows neither Qt nor torch."""

"""How Cria was made: the data it learns from, the recipe, the loop, and the measurements. Not needed to run it."""

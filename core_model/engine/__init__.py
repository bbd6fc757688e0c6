"""Time and memory: what the model remembers between steps, how an answer is made token by token, what fits where."""

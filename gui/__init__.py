"""The window: everything that knows Qt, and nothing that knows torch. `gui.app.run` opens it."""

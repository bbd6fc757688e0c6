"""Llama 4's arithmetic in plain torch, with module names equal to the Hugging Face tensor names. No files, no time."""

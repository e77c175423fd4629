"""Training: the epochs, what is recorded of them, and what a finished run gets."""

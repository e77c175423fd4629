"""Training: the epochs, their history, and the finished run directory."""

"""A run's network behind HTTP: requests, batches of them, and a page to try it on."""

"""A run's network turned into probabilities, with or without TensorFlow."""

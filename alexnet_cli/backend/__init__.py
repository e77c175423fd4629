"""TensorFlow's start, devices, precision, and operations with a twin in TensorFlow."""

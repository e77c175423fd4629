"""TensorFlow's start, devices, and operations with a twin in TensorFlow."""

"""Architectures as tables, the Keras layers that build them, and pretrained weights."""

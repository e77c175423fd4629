"""Architectures as tables, the Keras layers that build them, and other people's weights."""

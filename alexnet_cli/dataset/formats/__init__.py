"""Formats of image files: what the bytes hold, what they cost, what Pillow reads wrong."""

"""Random variants of training images: parameters sampled on the host, applied per batch."""

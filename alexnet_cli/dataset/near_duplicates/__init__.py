"""Near-identical images: fingerprints, a search among many, a close look at pairs."""

"""A run's network in formats that other programs read: SavedModel and LiteRT."""

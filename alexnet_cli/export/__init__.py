"""A run's network in forms that other programs run, each proven before it is kept."""

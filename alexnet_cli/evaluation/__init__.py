"""How good a network is, and how far that number can be trusted."""

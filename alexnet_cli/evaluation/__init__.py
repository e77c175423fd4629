"""How good a network is, and how far its scores can be trusted."""

"""Other people's weights: files read without running code, matched to our tables."""

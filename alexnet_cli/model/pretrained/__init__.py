"""Pretrained weights of others: files read without running code, matched to our tables."""

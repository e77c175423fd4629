"""Shards: a data set prepared once, in tar files that are read in any order."""

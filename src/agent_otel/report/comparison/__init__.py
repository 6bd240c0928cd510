"""A comparison of candidates in every format."""

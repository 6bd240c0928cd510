"""The verdict of a check against a baseline in every format."""

"""② Finished calls become metrics, live counts and lines."""

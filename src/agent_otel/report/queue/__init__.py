"""The queue of a run in every format."""

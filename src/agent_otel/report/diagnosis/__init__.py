"""A diagnosis in every format."""

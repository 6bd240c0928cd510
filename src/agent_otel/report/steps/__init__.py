"""Supersteps in every format."""

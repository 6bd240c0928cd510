"""Predictions in every format."""

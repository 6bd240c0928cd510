"""A run in the formats of other tools: trace viewers, flame graphs, OTLP."""

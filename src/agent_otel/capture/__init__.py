"""① A call becomes a span, a finished record and nothing else: what the caller sees does not change."""

"""One file per library: which of its functions are calls, and pure readers from its objects to facts."""

"""From scores to counts, and from counts to bounds: the only statistics there are."""

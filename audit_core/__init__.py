"""sekisho's core: it asks the questions, holds the key, counts, judges. It imports no plugin and no report."""

__version__ = "0.1.0"

"""From files to tables: what a file really is, its cells as text, its columns over all files together."""

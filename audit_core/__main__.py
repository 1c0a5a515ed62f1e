"""`python -m audit_core` is `sekisho`."""

from audit_core.cli import main

main()

"""`python -m graft` is the program `graft`."""

from graft.cli.main import entry

entry()

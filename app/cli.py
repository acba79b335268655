"""The `plumbline` command."""

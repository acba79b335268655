"""``python -m app.cli`` is the `plumbline` command."""

from app.cli import main

main()

"""``python -m assistant`` is ``crm-assistant``."""

from assistant.cli import main

main()

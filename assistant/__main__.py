"""``python -m assistant`` is ``crm-assistant``."""

import sys


def run() -> None:
    """The command line, from its first import on stopped by Ctrl-C in one line."""
    try:
        from assistant.cli import main

        main(prog_name="crm-assistant")
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    run()

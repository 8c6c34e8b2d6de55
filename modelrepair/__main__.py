"""``python -m modelrepair``."""

from __future__ import annotations

from modelrepair.cli.main import main

if __name__ == "__main__":
    main()

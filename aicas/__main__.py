"""``python -m aicas``."""

from aicas.cli.main import main

if __name__ == "__main__":
    main()

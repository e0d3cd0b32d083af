"""The `aicas` command: one module per command, rendering apart in ``render``."""

"""How things look: text that is safe for a terminal, tables, diffs, logs, progress."""

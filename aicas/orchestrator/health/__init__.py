"""The health of a store: what is wrong with it, and the command that puts it right."""

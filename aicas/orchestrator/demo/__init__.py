"""A built-in agent pair for demonstrations: rules in the place of models."""

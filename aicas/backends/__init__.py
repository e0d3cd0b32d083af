"""Where objects and the operation log live: one contract, several implementations."""

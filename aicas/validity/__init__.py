"""Is what a ref points at still right? Every reason it is not, by name."""

"""The cache in front of a pipeline: one producer for an output, however many want it."""

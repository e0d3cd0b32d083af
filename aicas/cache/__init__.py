"""The cache in front of a pipeline: asynchronous, one call per stage."""

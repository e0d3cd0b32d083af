"""Pipelines of agents, cache first. Imports only the public names of ``aicas``."""

"""Artifacts coming from elsewhere and going there: recordings, folders, git."""

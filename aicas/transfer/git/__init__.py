"""A project's history as an ordinary git repository.

``steps`` turns operations into commits, ``paths`` makes names git takes, ``messages`` says in
words and trailers what a commit is, ``stream`` speaks to ``git fast-import``, ``exporting``
brings them together.
"""

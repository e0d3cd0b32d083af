"""The embedded default: an append-only log in a directory, and a disposable index of it.

``group`` is the byte format, ``segment`` one file of it, ``log`` the sequence of segments with its
writer lock, ``index`` the SQLite view, ``backend`` the whole; ``reclaim`` gives space back.
"""

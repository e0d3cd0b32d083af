"""The embedded default: an append-only log in a directory, and a disposable index of it.

``group`` is the byte format and ``scan`` reads it past damage; ``segment`` is one file of it,
``log`` all of them. ``view`` follows the log, ``overlay`` in memory and ``index`` on disk, as
``tables`` in SQLite and ``places`` in sorted ``runs``, of which ``merging`` keeps few;
``lookup`` finds a record through it. ``writer`` commits, ``large`` keeps what is too large for
the log, ``reclaim`` gives space back, ``check`` examines, and ``backend`` is the whole.
"""

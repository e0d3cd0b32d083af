"""A content-addressed, git-like artifact store for AI pipelines."""

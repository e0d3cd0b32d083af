"""What may be forgotten: planning is pure and apart from the one place that deletes."""

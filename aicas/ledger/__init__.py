"""What was spent, why, and what was saved: books that add up."""

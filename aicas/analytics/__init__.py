"""What runs cost and what reuse saved."""

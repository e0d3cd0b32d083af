"""Each module answers one question and prints one row; ``python -m benchmarks`` runs them all."""

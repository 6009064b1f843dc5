"""Blood cells."""

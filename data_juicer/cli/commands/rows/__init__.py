"""Commands about rows: what became of single ones."""

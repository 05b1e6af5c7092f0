"""What dataset operators share: summaries of all rows, work that does not fit into memory, decisions."""

"""What a run would do and what it would cost, found without changing anything on a disk."""

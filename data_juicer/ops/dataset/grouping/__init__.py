"""Groups: rows with one key, which become one row."""

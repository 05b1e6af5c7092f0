"""Rows of a partition after each operator, from what is committed; nothing is changed."""

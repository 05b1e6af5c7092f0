"""Texts changed at random, for the mappers that make more rows of the rows there are."""

"""Locations of files, and which store serves each of them."""

"""The first so many of an order, of rows or of values, in little memory however many there are."""

"""Names that operators written for DataJuicer import."""

"""Kernels over text columns that operators share."""

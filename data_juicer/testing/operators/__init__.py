"""Operators that prove the contract of operators under kill and retry, for recipes of tests."""

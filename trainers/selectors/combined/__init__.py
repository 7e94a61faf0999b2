"""Selectors that rank by the rankings of others."""

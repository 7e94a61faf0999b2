"""What people look at of a run: documents read from its directory, and browser modules that draw them. No torch."""

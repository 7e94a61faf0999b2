"""Selectors: what ranks the features. Adding one adds a file or a folder here, a test and a line of docs."""

"""Backbones: what stands behind the gate. Adding one adds a folder here, a test and a line of docs."""

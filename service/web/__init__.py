"""The pages: shells that the server sends, and modules that fill them in the browser through the API.

No state of a reader is held here: any replica answers any request, and what a reader may see is decided by `/v1` alone.
"""

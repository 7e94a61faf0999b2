"""Writes all generated source: `python -m service.codegen`, after a change of a route, a schema or the async client."""

from __future__ import annotations

from service.codegen import client, typescript


def main() -> None:
    """Write the client's operations, then what the pages have of schemas and states, which needs Node's packages."""
    client.write()
    typescript.write()


if __name__ == "__main__":
    main()

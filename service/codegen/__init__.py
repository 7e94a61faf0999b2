"""Writers of generated source, for developers: the client's operations and the pages' types."""

"""HTTP routes. No SQL here: `service.store` has it."""

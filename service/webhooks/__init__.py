"""Events sent to receivers that asked for them, signed as Standard Webhooks has it, at least once each."""

"""What our kinds look like, told from their struct types: OpenAPI v2 and v3, and merge rules."""

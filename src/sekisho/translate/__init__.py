"""From resources to the intermediate representation: pure queries, one idea a file."""

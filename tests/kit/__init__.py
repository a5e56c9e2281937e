"""What the tests share: real processes and simple peers."""

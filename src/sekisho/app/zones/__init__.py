"""A control plane among others: a zone that follows the global one, and the global one with its zones."""

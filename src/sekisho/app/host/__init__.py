"""What an agent does beside its proxies: registers, reports, gets certificates; and how a host gets in."""

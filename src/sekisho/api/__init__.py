"""The Kubernetes-shaped REST API: discovery, CRUD, watch, tables, patches, authentication."""

"""What people type: one file per noun. Talks to `client`, starts processes through `app`."""

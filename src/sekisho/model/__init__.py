"""Resources, names, references, problems: what a user may say, and how we say that it is wrong."""

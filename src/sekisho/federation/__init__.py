"""Between a zone and the global control plane: mirrors of what crosses, in both directions."""

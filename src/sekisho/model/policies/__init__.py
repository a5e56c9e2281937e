"""What a user may say in a policy: one file per kind. What it does is in `sekisho.policies`.

Everything inside `default` is optional and has no default of its own: what is left out is taken from less
specific policies, and in the end from Sekisho's own values, which the descriptions name.
"""

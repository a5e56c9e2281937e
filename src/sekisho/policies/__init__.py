"""What policies do: pick proxies, merge, and change a plan. Pure functions over plain values.

What a user may say is in `sekisho.model.policies`, in files of the same names.
"""

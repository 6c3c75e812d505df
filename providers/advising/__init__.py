"""The adviser: what a model would cost on each cloud and on a machine, what fits, and how quick it would be.

Nothing of it is in a function: it runs where somebody decides where to deploy.
"""

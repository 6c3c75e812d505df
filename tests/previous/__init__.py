"""How the release before this registry kept models: what its code reads and writes of a store that it shares.

The modules are that release's, from `ml_core/registry/`, so that nothing but their imports may change here.
"""

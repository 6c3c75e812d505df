"""Small neural networks trained on numpy alone: layers, an optimiser, and a loop that can be continued.

`layers.py` says what a layer is; `training.py` trains a list of them. Nothing here is imported by a
prediction. Float32, one BLAS thread: equal seeds give equal bits where the BLAS kernel and numpy's CPU
features are equal (`numerics.py`).
"""

"""Imported models: graphs of ONNX that were made elsewhere, and how the service asks them."""

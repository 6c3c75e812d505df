"""A fitted model as ONNX, written by our own few lines: neither onnx nor protobuf is installed where it runs.

`protobuf.py` writes the wire format, `graph.py` the messages of onnx.proto. `arithmetic.py` is a third
arithmetic: an estimator that says itself by the arithmetics' functions becomes a graph by it, without a
converter of its own. `rows.py` says a table's columns. `model/onnx_file.py` joins them to a file.
"""

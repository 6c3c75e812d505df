"""Files of ONNX by our own few lines: neither onnx nor protobuf is installed where they run.

A fitted model is written: `protobuf.py` writes the wire format, `graph.py` the messages of onnx.proto.
`arithmetic.py` is a third arithmetic: an estimator that says itself by the arithmetics' functions becomes a
graph by it, without a converter of its own. `rows.py` says a table's columns. `model/onnx_file.py` joins them
to a file.

A file from elsewhere is read: `wire_format.py` reads the wire format, `messages.py` the messages, and
`scan.py` says whether the file may be run (`operators.py`: with which operators) and what it takes and gives.
"""

"""Models of other libraries, on the machine of whoever fitted them, on their way to a service.

files.py       what a file is, and what a pickle holds
fitted.py      what a fitted object takes and gives, and what its columns are called
making.py      the object as a graph of ONNX
native.py      the object, or a small graph, as a model of this project's
cells.py       rows of a file as the object and its graph take them
running.py     onnxruntime
comparing.py   whether both say the same of them
sending.py     a graph as a service takes it, for the client, too

The command `import` is made of these. scikit-learn, skl2onnx, onnxmltools and onnxruntime are imported where
they are needed: the extra `onnx` brings all but what fitted the object.
"""

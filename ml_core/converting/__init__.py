"""Models that another library fitted, said as this project's: exactly, or not at all.

`scikit_learn.py` is where it begins. Rows are followed through the fitted steps column by column
(`matrix_columns.py`); what reaches the last step says what each of its weights is of (`coded_rows.py`).

`onnx_graphs.py` takes a graph of ONNX that another library exported, and follows it node by node.
"""

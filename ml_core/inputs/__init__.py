"""What callers send, checked, as rows: JSON, tensors of the Open Inference Protocol, arrays and frames."""

"""What an instance can be."""

# A row of a table, a picture, a sequence of steps of numbers, a text.
TABLE, IMAGE, SEQUENCE, TEXT = "table", "image", "sequence", "text"
KINDS = (TABLE, IMAGE, SEQUENCE, TEXT)
# Tensors of the shapes that an imported graph declares.
TENSORS = "tensors"

"""Tables as people have them: CSV, Parquet, JSON lines and NPY files, read into typed columns.

    reading.py        the one door: what a file is, by its bytes, and who reads it
    sniffing.py       formats, encodings, delimiters and headers, told from the first bytes
    delimited.py      CSV and its kin
    parquet.py        Parquet
    json_lines.py     JSON lines
    npy.py            NPY
    words.py          what the words of a column mean: numbers, dates, truth values, categories
    arrow.py          Arrow's arrays as numpy's
    columns.py        what all of them make: a dataset of columns
    description.py    what a dataset holds, in figures
    memory.py         how much a table will take, and the refusal

The engine under the first two is arrow-rs, by the packages arro3-core and arro3-io
(docs/decisions/0016-table-engine.md says why).
"""

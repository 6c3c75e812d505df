"""Tables as people have them: CSV, Parquet, JSON lines and NPY files, read into typed columns.

    reading.py        the one door: what a file is, by its bytes, and who reads it
    readers.py        one reader for each format; a new format is one line here, and a module
    sniffing.py       which reader takes a file, by its first bytes
    signatures.py     the bytes by which each format is known
    text.py           encodings
    dialects.py       delimiters and headers of CSV
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

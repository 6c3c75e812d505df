"""Tables as people have them: CSV, Parquet, JSON lines and NPY files, read into typed columns.

    reading.py        the one door: what a file is, by its bytes, and who reads it
    readers.py        one reader for each format; a new format is one line here, and a module
    sniffing.py       which reader takes a file, by its first bytes
    signatures.py     the bytes by which each format is known
    text.py           encodings
    dialects.py       delimiters and headers of CSV
    delimited.py      CSV and its kin
    parquet.py        Parquet
    thrift.py         the protocol that its footers are written in
    json_lines.py     JSON lines
    npy.py            NPY
    options.py        what a person says where a reader would guess
    words.py          what the words of a column mean: numbers, dates, truth values, categories
    guesses.py        guesses that read a column as it comes, until a word is something else
    notations.py      in which notation all words of a column are numbers or dates
    written.py        many written numbers and dates read at once
    vocabulary.py     the different words of a column, and which row holds which
    typed.py          columns whose values have types of their own
    suitability.py    what speaks against a column as a feature
    arrow.py          Arrow's arrays as numpy's
    cells.py          texts as they are written, and lists of numbers
    keys.py           words that tell which rows belong together
    columns.py        what all of them make: a dataset of columns
    description.py    what a dataset holds, in figures
    memory.py         how much a table will take, and the refusal

The engine under the first two is arrow-rs, by the packages arro3-core and arro3-io
(docs/decisions/0016-table-engine.md says why).
"""

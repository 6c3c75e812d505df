"""A table of any size, read part by part in bounded memory.

    planning.py        what a table's files are, and the parts that they are cut into
    plan.py            that, as bytes
    looking.py         what one file is, by its first bytes or its footer
    cutting.py         where text is cut, by one pass over runs of it side by side
    records.py         where records of CSV end
    blocks.py          the door to the formats: a part, a few MiB at a time
    block.py           what comes out of it
    csv_blocks.py      of CSV
    json_blocks.py     of JSON lines
    parquet_blocks.py  of Parquet
    footers.py         a footer of Parquet, and files made of some row groups and columns
    texts.py           text as UTF-8, range by range
    files.py           what is asked of where the files are
    numbers.py         a block's cells as the numbers that a model takes

docs/decisions/0052-parts-of-tables.md says why parts are what they are.
"""

"""Files of pictures to train on: a zip of class folders, or an NPZ of arrays.

    reading.py        the one door: a file becomes labelled pictures
    formats.py        which of the two a zip file is (format_names.py: what they are called)
    archive.py        the entries of a zip file, held against what hostile ones try
    headers.py        what a file is, and how large its picture, without its pixels
    folders.py        classes and held-out pictures, by their paths
    sizes.py          the shape that all pictures are brought to
    jpeg.py           JPEG, by Pillow
    npz.py            pictures in arrays
    labelled_arrays.py  arrays of samples, and a label for each, in an NPZ
    description.py    what a file holds, in figures

PNG and the shape of pictures are in `ml_core/pictures`, where predictions read them too.
"""

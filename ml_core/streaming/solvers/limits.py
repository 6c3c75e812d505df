"""How large a fit may be that sees its table in passes."""

# Newton's step sums the curvature in full: 18 MB of each part at this many coefficients.
MOST_OF_NEWTON = 1_500
# That of the hinge takes tens of steps among the rows that are kept: 8 MB of each part.
MOST_OF_HINGE = 1_000
# What L-BFGS remembers of this many coefficients is 160 MB.
MOST_COEFFICIENTS = 500_000
# The numbers of all centres of k-means, 32 MB; a part's sums are twice as many.
MOST_OF_CENTRES = 1 << 22
# Those of several starts together, of which each part sums twice as many.
MOST_OF_STARTS = 1 << 18


def in_full(machines: int, width: int, most: int = MOST_OF_NEWTON) -> bool:
    """Whether the curvature of these machines is summed in full.

    Args:
        machines: how many there are.
        width: how many coefficients each has.
        most: as many may one machine have; the numbers of all curvatures are at most the square of that.
    """
    return machines * width * width <= most**2

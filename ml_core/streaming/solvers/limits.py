"""How large a fit may be that sees its table in passes."""

# Newton's step sums the curvature in full: 8 MB of each part at this many coefficients.
MOST_OF_NEWTON = 1_000
# What L-BFGS remembers of this many coefficients is 160 MB.
MOST_COEFFICIENTS = 500_000
# The numbers of all centres of k-means, 32 MB; a part's sums are twice as many.
MOST_OF_CENTRES = 1 << 22


def in_full(machines: int, width: int) -> bool:
    """Whether the curvature of these machines of so many coefficients each is summed in full."""
    return machines * width * width <= MOST_OF_NEWTON**2

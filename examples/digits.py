# %% [markdown]
# # Handwritten digits
#
# The 1,797 digits of 8 × 8 pixels that scikit-learn ships. A convolutional network and a support vector
# machine are trained on the same pictures and compared.
#
# It needs the service of `make serve`, and `requirements/examples.txt` beside the client.

# %%
from serverless_ml import Client
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

ml = Client()

pictures, digits = load_digits(return_X_y=True)
pictures = pictures.reshape(-1, 8, 8)
train, new, train_digits, new_digits = train_test_split(pictures, digits, test_size=200, random_state=0)

# %% [markdown]
# An array of three axes is pictures. `targets` are the labels beside it.

# %%
network = ml.train(
    "digits-cnn",
    train,
    targets=train_digits,
    algorithm="cnn",
    hyperparameters={"channels": [16, 32], "dense": [64], "epochs": 15},
)
network

# %%
seen = ml.predict("digits-cnn", new)
print(f"the network reads {(seen == new_digits).mean():.1%} of 200 new digits right")

# %% [markdown]
# The support vector machine takes a row of 64 numbers for each.

# %%
machine = ml.train("digits-svm", train.reshape(-1, 64), targets=train_digits, algorithm="svm")
rows = ml.predict("digits-svm", new.reshape(-1, 64))
print(f"the support vector machine reads {(rows == new_digits).mean():.1%}")

# %% [markdown]
# A version can be taken along, and predicts without any service:

# %%
model = ml.load("digits-svm")
assert (model.predict(new.reshape(-1, 64)) == rows).all()

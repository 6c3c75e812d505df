# %% [markdown]
# # Which language is this?
#
# The names of countries and territories in six languages, as the package `babel` ships them. A small
# recurrent network reads them letter by letter. Nothing is written down about letters or endings: it is
# learnt.
#
# It needs the service of `make serve`, and `requirements/examples.txt` beside the client.

# %%
import pandas
from babel import Locale
from serverless_ml import Client

ml = Client()

languages = {
    "English": "en",
    "Deutsch": "de",
    "français": "fr",
    "suomi": "fi",
    "polski": "pl",
    "Türkçe": "tr",
}
names = pandas.DataFrame(
    [
        {"name": name, "language": language}
        for language, code in languages.items()
        for key, name in sorted(Locale(code).territories.items())
        if len(key) == 2
    ]
).drop_duplicates("name", keep=False)  # what is spelled alike in two languages says nothing
names.groupby("language").sample(3, random_state=1)

# %% [markdown]
# 200 names are put aside. `text` names the column that is read as text; the bar shows each epoch.

# %%
new = names.sample(200, random_state=0)
version = ml.train(
    "language",
    names.drop(index=new.index),
    target="language",
    algorithm="rnn",
    options={"text": "name"},
    hyperparameters={"tokens": "characters", "epochs": 30, "hidden_size": 64},
)
version

# %% [markdown]
# Who guesses is right once in six times.

# %%
read = ml.predict("language", new["name"])
print(f"{(read == new['language']).mean():.0%} of 200 new names are read right")
pandas.crosstab(new["language"], read)

# %% [markdown]
# Words that are no places, and which letters made it say so:

# %%
words = ["Handschuhfabrik", "fromagerie", "gökyüzü"]
print(dict(zip(words, ml.predict("language", words), strict=True)))
ml.explain("language", words)

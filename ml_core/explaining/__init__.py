"""Why a model answers one label rather than another: the margin between them, split over the columns."""

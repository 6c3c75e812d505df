"""Train, register and predict with a serverless-ml service.

`Client` and `AsyncClient` are where to begin. They know the service's REST contract, and nothing else of it.
"""

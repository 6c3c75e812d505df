"""One client, used by several threads at once."""

from concurrent.futures import ThreadPoolExecutor

from serverless_ml import Client


def test_threads_share_a_client(ml: Client, fruit: str) -> None:
    rows = [[120, 0.9], [170, 0.2], [125, 0.95], [160, 0.1]]
    expected = ["apple", "quince", "apple", "quince"]

    def ask(number: int) -> list[str]:
        start = number % 4
        turned = rows[start:] + rows[:start]
        answered: list[str] = ml.predict(fruit, turned, chunk_rows=1 + number % 3)
        return answered[4 - start :] + answered[: 4 - start]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(64))) == [expected] * 64

"""Recurrent layers: LSTM, GRU and Elman's, with PyTorch's equations, order of gates and two biases.

With x(t) a step, h(t) a state, W the weights `input`, U those `recurrent`, b and c the two biases, σ the
logistic function and ⊙ the product number by number:

- Elman: h(t) = tanh(W x(t) + b + U h(t-1) + c)
- LSTM, gates i, f, g, o: c(t) = σ(f) ⊙ c(t-1) + σ(i) ⊙ tanh(g), h(t) = σ(o) ⊙ tanh(c(t))
- GRU, gates r, z, n: n = tanh(W x + b + σ(r) ⊙ (U h(t-1) + c)), h(t) = (1 - σ(z)) ⊙ n + σ(z) ⊙ h(t-1)

W x is one product for the steps of all times, and so are the gradients of W and U. σ(x) is computed as
(1 + tanh(x/2)) / 2: one tanh then does for all gates. The halves are in the weights that the steps use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.networks.embedding import Embedding
from ml_core.networks.layers import Dense, Dropout, uniform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ml_core.networks.layers import Array
    from ml_core.networks.network import Layers
    from ml_core.networks.sequences import SequenceBatch

# What is kept of a step for its gradient, and stands beside it on the way back: of each number of a state at
# most 16 numbers of float32 (an LSTM's four gates, cells, and the slopes of all), of each that came in 4.
_BYTES_OF_STATE, _BYTES_OF_INPUT = 64, 16
_MOST_BYTES = 128 << 20


class _Walk:
    """The times of a batch in the order in which one direction goes through them.

    Each step is (begin, end, before, running): the time's rows are `begin:end`, and the first `running` of
    them continue the rows from `before` on; the others begin at zero.
    """

    def __init__(self, batch: SequenceBatch, *, backward: bool) -> None:
        sizes, begins = batch.sizes.tolist(), batch.begins.tolist()
        times = range(len(sizes))
        self.steps: list[tuple[int, int, int, int]] = []
        for time in reversed(times) if backward else times:
            before = time + 1 if backward else time - 1
            there = 0 <= before < len(sizes)
            running = min(sizes[time], sizes[before]) if there else 0
            self.steps.append((begins[time], begins[time + 1], begins[before] if there else 0, running))
        self.widest: int = sizes[0]

    def back(self) -> Iterator[tuple[int, int, int]]:
        """The steps in reverse as (begin, end, continued): the first `continued` rows run on after it."""
        continued = 0
        for begin, end, _, running in reversed(self.steps):
            yield begin, end, continued
            continued = running

    def before(self, states: Array) -> Array:
        """The state before each step: zero where a sequence begins."""
        found = np.zeros_like(states)
        for begin, _, before, running in self.steps:
            found[begin : begin + running] = states[before : before + running]
        return found


class _Recurrence:
    """One direction of one layer; a subclass is a kind of cell."""

    GATES: int
    # What stands before each gate's tanh: a half for a σ.
    SLOPES: tuple[float, ...]

    def __init__(self, inputs: int, hidden: int, random: np.random.Generator) -> None:
        rows = self.GATES * hidden
        self.hidden = hidden
        self.parameters: dict[str, Array] = {
            "input": uniform(random, (rows, inputs), hidden),
            "recurrent": uniform(random, (rows, hidden), hidden),
            "input_bias": uniform(random, (rows,), hidden),
            "recurrent_bias": uniform(random, (rows,), hidden),
        }
        self.gradients: dict[str, Array] = {}

    def forward(self, steps: Array, walk: _Walk) -> Array:
        """The state after each step."""
        self._walk, self._steps = walk, steps
        weights = self.parameters
        slopes = np.repeat(np.asarray(self.SLOPES, steps.dtype), self.hidden)
        gates: Array = steps @ (weights["input"] * slopes[:, None]).T
        gates += self._bias() * slopes
        self._gates = gates
        self._states = np.empty((len(gates), self.hidden), gates.dtype)
        self._run(np.ascontiguousarray((weights["recurrent"] * slopes[:, None]).T))
        return self._states

    def backward(self, slope: Array, *, first: bool, fixed: bool) -> Array | None:
        """The gradient by the steps, None for `first`; that by the states comes in, and is overwritten.

        `gradients` are set but for `fixed`.
        """
        self._before = self._walk.before(self._states)
        by_input, by_recurrent = self._run_back(slope, self.parameters["recurrent"])
        if not fixed:
            self.gradients = {
                "input": by_input.T @ self._steps,
                "recurrent": by_recurrent.T @ self._before,
                "input_bias": by_input.sum(axis=0),
                "recurrent_bias": by_recurrent.sum(axis=0),
            }
        return None if first else by_input @ self.parameters["input"]

    def _bias(self) -> Array:
        """What is added to W x at every step."""
        bias: Array = self.parameters["input_bias"] + self.parameters["recurrent_bias"]
        return bias

    def _run(self, recurrent: Array) -> None:
        """Fill the states, and make the gates of W x what they are after each step.

        Args:
            recurrent: U, transposed, with the slopes in it.
        """
        raise NotImplementedError

    def _run_back(self, slope: Array, recurrent: Array) -> tuple[Array, Array]:
        """The gradients by what W x + b and U h + c were, from that by the states, which is overwritten."""
        raise NotImplementedError


class _Elman(_Recurrence):
    GATES = 1
    SLOPES = (1.0,)

    def _run(self, recurrent: Array) -> None:
        gates, states = self._gates, self._states
        for begin, end, before, running in self._walk.steps:
            if running:
                gates[begin : begin + running] += states[before : before + running] @ recurrent
            np.tanh(gates[begin:end], out=states[begin:end])

    def _run_back(self, slope: Array, recurrent: Array) -> tuple[Array, Array]:
        inner = 1 - self._states * self._states
        after = 0
        for begin, end, continued in self._walk.back():
            if continued:
                slope[begin : begin + continued] += slope[after : after + continued] @ recurrent
            slope[begin:end] *= inner[begin:end]
            after = begin
        return slope, slope


class _Lstm(_Recurrence):
    GATES = 4
    SLOPES = (0.5, 0.5, 1.0, 0.5)

    def _run(self, recurrent: Array) -> None:
        hidden, states = self.hidden, self._states
        slopes = np.repeat(np.asarray(self.SLOPES, states.dtype), hidden)
        shifts = 1 - slopes
        self._cells, self._curved = np.empty_like(states), np.empty_like(states)
        product = np.empty((self._walk.widest, hidden), states.dtype)
        for begin, end, before, running in self._walk.steps:
            gates, cells = self._gates[begin:end], self._cells[begin:end]
            if running:
                gates[:running] += states[before : before + running] @ recurrent
            np.tanh(gates, out=gates)
            gates *= slopes
            gates += shifts
            np.multiply(gates[:, :hidden], gates[:, 2 * hidden : 3 * hidden], out=cells)
            if running:
                forget = gates[:running, hidden : 2 * hidden]
                cells[:running] += np.multiply(
                    forget, self._cells[before : before + running], out=product[:running]
                )
            np.tanh(cells, out=self._curved[begin:end])
            np.multiply(gates[:, 3 * hidden :], self._curved[begin:end], out=states[begin:end])

    def _run_back(self, slope: Array, recurrent: Array) -> tuple[Array, Array]:
        rows, hidden = slope.shape
        gates = self._gates.reshape(rows, 4, hidden)
        by_cell = gates[:, 3] * (1 - self._curved * self._curved)
        # How each gate's inside moves the cell; for o, the state.
        inner = gates * (1 - gates)
        inner[:, 2] = 1 - gates[:, 2] * gates[:, 2]
        inner[:, 0] *= gates[:, 2]
        inner[:, 1] *= self._walk.before(self._cells)
        inner[:, 2] *= gates[:, 0]
        inner[:, 3] *= self._curved
        flat = inner.reshape(rows, 4 * hidden)
        carried = np.empty((self._walk.widest, hidden), slope.dtype)
        after = 0
        for begin, end, continued in self._walk.back():
            by_state = slope[begin:end]
            if continued:
                by_state[:continued] += flat[after : after + continued] @ recurrent
            by_cells = by_cell[begin:end]
            by_cells *= by_state
            by_cells[:continued] += carried[:continued]
            inner[begin:end, :3] *= by_cells[:, None]
            inner[begin:end, 3] *= by_state
            np.multiply(by_cells, gates[begin:end, 1], out=carried[: end - begin])
            after = begin
        return flat, flat


class _Gru(_Recurrence):
    GATES = 3
    SLOPES = (0.5, 0.5, 1.0)

    def _bias(self) -> Array:
        bias = super()._bias()
        # That of U h stands within the product with r.
        bias[2 * self.hidden :] = self.parameters["input_bias"][2 * self.hidden :]
        return bias

    def _run(self, recurrent: Array) -> None:
        hidden, states = self.hidden, self._states
        self._inside = np.empty_like(states)  # U h + c of gate n
        self._inside[:] = self.parameters["recurrent_bias"][2 * hidden :]
        for begin, end, before, running in self._walk.steps:
            gates, inside, state = self._gates[begin:end], self._inside[begin:end], states[begin:end]
            old = states[before : before + running]
            if running:
                moved = old @ recurrent
                gates[:running, : 2 * hidden] += moved[:, : 2 * hidden]
                inside[:running] += moved[:, 2 * hidden :]
            both, new = gates[:, : 2 * hidden], gates[:, 2 * hidden :]
            np.tanh(both, out=both)
            both *= 0.5
            both += 0.5
            new += both[:, :hidden] * inside
            np.tanh(new, out=new)
            # h(t) = n + z ⊙ (h(t-1) - n)
            np.negative(new, out=state)
            state[:running] += old
            state *= both[:, hidden:]
            state += new

    def _run_back(self, slope: Array, recurrent: Array) -> tuple[Array, Array]:
        rows, hidden = slope.shape
        gates = self._gates.reshape(rows, 3, hidden)
        reset, update, new = gates[:, 0], gates[:, 1], gates[:, 2]
        by_input = np.empty_like(gates)
        # How the inside of z and n moves the state, and that of r the inside of n.
        by_input[:, 0] = self._inside * reset * (1 - reset)
        by_input[:, 1] = (self._before - new) * update * (1 - update)
        by_input[:, 2] = (1 - update) * (1 - new * new)
        by_recurrent = np.empty_like(gates)
        flat = by_recurrent.reshape(rows, 3 * hidden)
        after = 0
        for begin, end, continued in self._walk.back():
            by_state, inner, outer = slope[begin:end], by_input[begin:end], by_recurrent[begin:end]
            if continued:
                then = slice(after, after + continued)
                by_state[:continued] += slope[then] * update[then] + flat[then] @ recurrent
            inner[:, 1:] *= by_state[:, None]
            inner[:, 0] *= inner[:, 2]
            outer[:, :2] = inner[:, :2]
            np.multiply(inner[:, 2], reset[begin:end], out=outer[:, 2])
            after = begin
        return by_input.reshape(rows, 3 * hidden), flat


_CELLS: dict[str, type[_Recurrence]] = {"lstm": _Lstm, "gru": _Gru, "rnn": _Elman}
FORWARD, BACKWARD = "forward", "backward"


class Recurrent:
    """A recurrent layer: the state after each step, of both directions one behind the other.

    The parameters of a direction are `forward.input`, `forward.recurrent`, `forward.input_bias` and
    `forward.recurrent_bias`, or those with `backward`.

    Args:
        cell: "lstm", "gru" or "rnn" for Elman's.
        inputs: how many numbers a step has.
        hidden: how many a state has.
        bidirectional: whether a second recurrence goes from the last step to the first.
        random: where the first weights are drawn from.
        first: whether nobody asks for the gradient by the steps.
        fixed: whether nobody asks for those by the parameters.
    """

    def __init__(
        self,
        cell: str,
        inputs: int,
        hidden: int,
        random: np.random.Generator,
        *,
        bidirectional: bool = False,
        first: bool = False,
        fixed: bool = False,
    ) -> None:
        names = (FORWARD, BACKWARD) if bidirectional else (FORWARD,)
        self._directions = {name: _CELLS[cell](inputs, hidden, random) for name in names}
        self._first, self._fixed = first, fixed
        self.parameters: dict[str, Array] = {
            f"{name}.{key}": array
            for name, direction in self._directions.items()
            for key, array in direction.parameters.items()
        }
        self.gradients: dict[str, Array] = {}

    def forward(self, x: SequenceBatch, random: np.random.Generator | None) -> SequenceBatch:  # noqa: ARG002 - the shape
        """Steps × inputs → steps × states."""
        states = []
        for name, direction in self._directions.items():
            direction.parameters = {key: self.parameters[f"{name}.{key}"] for key in direction.parameters}
            states.append(direction.forward(x.steps, _Walk(x, backward=name == BACKWARD)))
        self._batch = x
        return x.of(states[0] if len(states) == 1 else np.concatenate(states, axis=1))

    def backward(self, dy: SequenceBatch) -> SequenceBatch | None:
        """Steps × states → steps × inputs."""
        slopes = np.split(dy.steps, len(self._directions), axis=1)
        passed: Array | None = None
        for (name, direction), slope in zip(self._directions.items(), slopes, strict=True):
            own = np.ascontiguousarray(slope)
            found = direction.backward(own, first=self._first, fixed=self._fixed)
            passed = found if passed is None or found is None else passed + found
            self.gradients |= {f"{name}.{key}": array for key, array in direction.gradients.items()}
        return None if passed is None else self._batch.of(passed)


class StepDropout:
    """`Dropout` for the steps of sequences."""

    def __init__(self, rate: float) -> None:
        self._dropout = Dropout(rate)
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}

    def forward(self, x: SequenceBatch, random: np.random.Generator | None) -> SequenceBatch:
        """The same shape."""
        return x.of(self._dropout.forward(x.steps, random))

    def backward(self, dy: SequenceBatch) -> SequenceBatch:
        """The same shape."""
        return dy.of(self._dropout.backward(dy.steps))


class Reading:
    """What of a sequence's states goes to the head: one row for each sequence, in the batch's own order.

    Args:
        reads: "last" for the state at each direction's end, "mean" or "max" for that of all steps, number by
            number.
        bidirectional: whether the second half of a state goes backward.
    """

    def __init__(self, reads: str, *, bidirectional: bool = False) -> None:
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self._reads = {"last": self._last, "mean": self._mean, "max": self._max}[reads]
        self._bidirectional = bidirectional

    def forward(self, x: SequenceBatch, random: np.random.Generator | None) -> Array:  # noqa: ARG002 - the shape
        """Steps × states → sequences × states."""
        self._batch = x
        return x.original(self._reads(x))

    def backward(self, dy: Array) -> SequenceBatch:
        """Sequences × states → steps × states."""
        batch, slope = self._batch, dy[self._batch.order]
        if self._reads == self._mean:
            return batch.of((slope / batch.lengths[:, None].astype(dy.dtype))[batch.rows])
        steps = np.zeros_like(batch.steps)
        # Each number came from one step; no two numbers from the same one.
        steps[self._taken, np.arange(dy.shape[1])] = slope
        return batch.of(steps)

    def _last(self, x: SequenceBatch) -> Array:
        width, running = x.steps.shape[1], np.arange(len(x))
        ends = x.begins[x.lengths - 1] + running
        self._taken: NDArray[np.int64] = np.repeat(ends[:, None], width, axis=1)
        if self._bidirectional:
            self._taken[:, width // 2 :] = running[:, None]
        found: Array = x.steps[self._taken, np.arange(width)]
        return found

    def _max(self, x: SequenceBatch) -> Array:
        best = x.steps[: len(x)].copy()
        self._taken = np.repeat(np.arange(len(x))[:, None], best.shape[1], axis=1)
        for begin, end in zip(x.begins[1:-1].tolist(), x.begins[2:].tolist(), strict=True):
            steps, size = x.steps[begin:end], end - begin
            places = np.arange(begin, end)[:, None]
            np.copyto(self._taken[:size], places, where=steps > best[:size])
            np.maximum(best[:size], steps, out=best[:size])
        return best

    def _mean(self, x: SequenceBatch) -> Array:
        total = x.steps[: len(x)].copy()
        for begin, end in zip(x.begins[1:-1].tolist(), x.begins[2:].tolist(), strict=True):
            total[: end - begin] += x.steps[begin:end]
        total /= x.lengths[:, None].astype(total.dtype)
        return total


def build(
    inputs: int,
    n_classes: int,
    chosen: Mapping[str, Any],
    random: np.random.Generator,
    *,
    text: bool = False,
    to_inputs: bool = False,
) -> Layers:
    """The layers of a recurrent network.

    Args:
        inputs: how many numbers a step has; for a text how many tokens there are, the unknown one included.
        n_classes: how many classes there are.
        chosen: the hyperparameters `cell`, `hidden_size`, `layers`, `bidirectional`, `reads`, `dropout`, and
            for a text `embedding_size`.
        random: where the first weights are drawn from.
        text: whether steps are numbers of tokens.
        to_inputs: whether the gradient by steps of numbers is asked for, in place of those by the weights.
    """
    made: list[tuple[str, Any]] = []
    width, hidden, both = inputs, chosen["hidden_size"], chosen["bidirectional"]
    if text:
        width = chosen["embedding_size"]
        made.append(("embedding", Embedding(inputs, width, random)))
    for number in range(chosen["layers"]):
        if number and chosen["dropout"]:
            made.append(("", StepDropout(chosen["dropout"])))
        first = not made and not to_inputs
        layer = Recurrent(
            chosen["cell"], width, hidden, random, bidirectional=both, first=first, fixed=to_inputs
        )
        made.append((f"rnn.{number}", layer))
        width = hidden * 2 if both else hidden
    made.append(("", Reading(chosen["reads"], bidirectional=both)))
    if chosen["dropout"]:
        made.append(("", Dropout(chosen["dropout"])))
    made.append(("head", Dense(width, n_classes, random, fixed=to_inputs)))
    return made


def most_at_once(width: int, chosen: Mapping[str, Any]) -> int:
    """How many steps of sequences may pass the layers together, so that what these keep takes 128 MiB.

    Args:
        width: how many numbers a step has.
        chosen: the hyperparameters `hidden_size`, `layers` and `bidirectional`.
    """
    states: int = chosen["hidden_size"] * chosen["layers"] * (1 + chosen["bidirectional"])
    return max(1, _MOST_BYTES // (_BYTES_OF_STATE * states + _BYTES_OF_INPUT * width))

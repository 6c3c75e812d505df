"""The process that runs one graph, and nothing else; its parent's side is `graph_process.py`.

    python -m ml_core.running.child MEMORY SCRATCH [MODULE PATH...]

Standard input is a connection to the parent. Over it goes a frame when all is imported and given up: then the
graph comes, and after it calls. Each is answered by a frame. A graph that is not loaded is told, and this
process ends.
"""

import os
import sys

CONNECTION = 0


def main(memory: int, scratch: str) -> None:
    """Serve the parent until it is gone.

    Args:
        memory: how many bytes may be taken beside those for what is imported.
        scratch: a folder for what is there a moment.
    """
    prepare()
    serve(memory, scratch)


def prepare() -> None:
    """Import what will be used: nothing can be imported any more when a graph is there."""
    from ml_core.errors import MalformedInput
    from ml_core.graphs import call
    from ml_core.running import arrays, confinement, frames, graph_session  # noqa: F401

    texts = call.GraphTensor(call.TEXT, (1,), ["a"])
    number = arrays.tensor_of("", arrays.array_of(call.GraphTensor("FP32", (1,), bytes(4))), "tensor(float)")
    said = call.write_call(call.GraphCall("", {}, "", 0, {"number": number, "text": texts}, (), 1.0))
    for frame in (said, b"{"):
        try:
            call.read_call(frame)
        except MalformedInput:  # what it takes to say so is imported now
            continue


def serve(memory: int, scratch: str) -> None:
    """Give up what a graph must not have, and answer the parent."""
    from ml_core.graphs.call import MEMORY, GraphFailure, write_answer, write_failure
    from ml_core.json_text import dumps
    from ml_core.running.confinement import confine
    from ml_core.running.frames import read_frame, write_frame
    from ml_core.running.graph_session import GraphSession

    def failed(error: GraphFailure | MemoryError) -> bytes:
        if isinstance(error, GraphFailure):
            return write_failure(error)
        return write_failure(GraphFailure(MEMORY, "the graph wants more memory than it may have"))

    with open(CONNECTION, "r+b", buffering=0, closefd=False) as out, open(CONNECTION, "rb") as given:
        is_held = confine(memory, scratch)
        write_frame(out, dumps({"is_held": is_held}).encode())
        try:
            graph = read_frame(given)
            if graph is None:
                return
            session = GraphSession(graph)
            del graph
        except (GraphFailure, MemoryError) as error:
            write_frame(out, failed(error))
            return
        write_frame(out, write_answer({}, cold=True))
        while True:
            try:
                payload = read_frame(given)
                if payload is None:
                    return
                answer = _answer(session, payload)
                del payload
            except (GraphFailure, MemoryError) as error:
                answer = failed(error)
            write_frame(out, answer)
            del answer


def _answer(session: "GraphSession", payload: bytes) -> bytes:
    from ml_core.graphs.call import read_call, write_answer

    call = read_call(payload)
    return write_answer(session.run(call.inputs, call.outputs, call.batch), cold=False)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from ml_core.running.graph_session import GraphSession

if __name__ == "__main__":
    _, allowed, place, *module_paths = sys.argv
    if module_paths:
        sys.path[:] = module_paths
    status = 1
    try:
        main(int(allowed), place)
        status = 0
    finally:
        os._exit(status)  # whatever it was: the parent sees the status, and there is nobody to read more

"""An artifact is run by an address that was signed for that, and by no other: on every store."""

import pytest

from ml_core.graphs.call import ADDRESS, GraphCall, GraphFailure, GraphTensor, read_answer, write_call
from ml_core.ports import ObjectStore, Signer
from ml_core.registry.registry import artifact_key
from ml_core.running.addresses import ArtifactAddresses
from ml_core.running.answering import GraphFunction
from ml_core.running.children import GraphChildren
from ml_core.running.graph_process import Allowance
from tests.unit.ml_core.running.graphs import artifact_of, numbers, plus, values

DATA, SHA256 = artifact_of(plus(1))


def signed(signer: Signer, job: str, name: str, seconds: int = 60) -> GraphCall:
    """A call by an address of the job's artifact that is signed with a name."""
    download = signer.sign_download(artifact_key(job), name, seconds)
    inputs: dict[str, GraphTensor] = numbers(1)
    return GraphCall(download.url, download.headers, SHA256, len(DATA), inputs, (), 30.0)


def refusal(addresses: ArtifactAddresses, call: GraphCall) -> str:
    """Why an address is refused, which both ways of asking agree about."""
    reasons = set()
    for ask in (addresses.opened, addresses.verify):
        with pytest.raises(GraphFailure) as caught:
            ask(call)
        reasons.add(caught.value.reason)
    (reason,) = reasons
    return reason


@pytest.fixture
def addresses(store: ObjectStore, signer: Signer) -> ArtifactAddresses:
    for job in ("01", "02"):
        store.put_if_absent(artifact_key(job), DATA)
    # A laptop's server answers under a path of its own; below that, keys are as elsewhere.
    folder = signer.sign_download(artifact_key("01"), "x", 60).url.partition("01.safetensors")[0]
    return ArtifactAddresses(folder)


def test_an_address_that_was_signed_for_running_it_is_fetched_and_verified(
    addresses: ArtifactAddresses, signer: Signer
) -> None:
    call = signed(signer, "01", f"{SHA256}.run")
    with addresses.opened(call) as download:
        assert download.read(lambda: 10.0) == DATA
    other = signed(signer, "02", f"{SHA256}.run")  # of the same bytes: by one byte
    assert not addresses.is_verified(other)
    addresses.verify(other)
    assert addresses.is_verified(other)


def test_an_address_of_a_download_is_none_to_run_by(addresses: ArtifactAddresses, signer: Signer) -> None:
    for name in ("iris-1.safetensors", "x.run", f"{'ab' * 32}.run"):
        assert refusal(addresses, signed(signer, "01", name)) == ADDRESS


def test_a_name_that_was_put_in_afterwards_breaks_the_signature(
    addresses: ArtifactAddresses, signer: Signer
) -> None:
    call = signed(signer, "01", "iris-1.safetensors")
    changed = call.url.replace("iris-1.safetensors", f"{SHA256}.run")
    assert changed != call.url
    assert refusal(addresses, call._replace(url=changed)) == ADDRESS


def test_an_address_of_another_object_breaks_the_signature(
    addresses: ArtifactAddresses, signer: Signer
) -> None:
    call = signed(signer, "01", f"{SHA256}.run")
    assert refusal(addresses, call._replace(url=call.url.replace("/01.", "/02."))) == ADDRESS


def test_an_address_without_a_signature_is_refused(addresses: ArtifactAddresses, signer: Signer) -> None:
    call = signed(signer, "01", f"{SHA256}.run")
    where, _, query = call.url.partition("?")
    for shorter in (f"{where}?x=1", call.url[:-3], f"{where}?{query.rpartition('&')[0]}"):
        assert refusal(addresses, call._replace(url=shorter)) == ADDRESS


def test_an_address_of_nothing_is_refused(addresses: ArtifactAddresses, signer: Signer) -> None:
    assert refusal(addresses, signed(signer, "03", f"{SHA256}.run")) == ADDRESS


def test_an_address_to_write_to_is_refused(addresses: ArtifactAddresses, signer: Signer) -> None:
    upload = signer.sign_upload(artifact_key("01"), 60)
    call = GraphCall(upload.url, {}, SHA256, len(DATA), numbers(1), (), 30.0)
    assert refusal(addresses, call) == ADDRESS


def test_a_graph_in_the_store_is_run(addresses: ArtifactAddresses, signer: Signer) -> None:
    children = GraphChildren(Allowance(256 << 20), 1 << 30)
    function = GraphFunction(addresses, children)
    try:
        for cold in (True, False):
            reply = function.answer(write_call(signed(signer, "01", f"{SHA256}.run")))
            outputs, told = read_answer(reply.payload)
            assert (values(outputs["y"]).tolist(), told) == ([2], cold)
    finally:
        children.close()

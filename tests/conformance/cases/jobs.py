"""Training jobs: shown, listed and cancelled."""

from tests.conformance.case import PREDICT, TRAIN, call, delete, get, post
from tests.conformance.cases.training import CLUSTERS

UNKNOWN = "f" * 28
MOST_OPEN = 12  # of one key, as the suite sets it
_SHOWN = [f"open_{number}" for number in range(MOST_OPEN)]

CASES = [
    post("one is submitted", "/v1/models/cancelled:train", CLUSTERS, 202, keep={"waiting": "body id"}),
    get("it waits", "/v1/jobs/{waiting}"),
    get("it is looked at", "/v1/jobs/{waiting}", keep={"waiting_etag": "header etag"}),
    get("it has not changed", "/v1/jobs/{waiting}", 304, {"If-None-Match": '"{waiting_etag}"'}),
    get("the queued jobs", "/v1/jobs?state=queued", keep={"queued_etag": "header etag"}),
    get("these have not changed", "/v1/jobs?state=queued", 304, {"If-None-Match": '"{queued_etag}"'}),
    delete("it is cancelled", "/v1/jobs/{waiting}", 200, key=TRAIN),
    delete("it is cancelled again", "/v1/jobs/{waiting}", 200, deliver="after"),
    get("its message changed nothing", "/v1/jobs/{waiting}"),
    get("it made no model", "/v1/models/cancelled", 404, code="model_not_found"),
    get("a key that may only predict", "/v1/jobs/{waiting}", 403, key=PREDICT, code="forbidden"),
    delete("one that is over stays as it is", "/v1/jobs/{the_job_of_iris}", 200),
    call("HEAD of a job", "HEAD", "/v1/jobs/{the_job_of_iris}", 200),
    call("POST to a job", "POST", "/v1/jobs/{the_job_of_iris}", 405, {}, code="method_not_allowed"),
    get("an unknown job", f"/v1/jobs/{UNKNOWN}", 404, code="job_not_found"),
    delete("an unknown job is cancelled", f"/v1/jobs/{UNKNOWN}", 404, code="job_not_found"),
    get("an id that is none", "/v1/jobs/latest", 404, code="job_not_found"),
    get("an id in capitals", f"/v1/jobs/{UNKNOWN.upper()}", 404, code="job_not_found"),
    get("an id that climbs", "/v1/jobs/..%2Fmodels%2Firis", 404, code="route_not_found"),
    get("the jobs of one model", "/v1/jobs?model=iris"),
    get("the jobs of a model that has none", "/v1/jobs?model=nobody"),
    get("the failed jobs", "/v1/jobs?state=failed"),
    get("the cancelled jobs of one model", "/v1/jobs?state=cancelled&model=cancelled"),
    get("the first page", "/v1/jobs?model=iris&limit=1", keep={"page": "body next_after"}),
    get("the second page", "/v1/jobs?model=iris&limit=1&after={page}"),
    get("what is older than the oldest", "/v1/jobs?limit=1000&after=" + UNKNOWN),
    get("a limit of 0", "/v1/jobs?limit=0", 422, code="invalid_input", at="query.limit"),
    get("a limit of 1001", "/v1/jobs?limit=1001", 422, code="invalid_input", at="query.limit"),
    get("a limit that is text", "/v1/jobs?limit=many", 422, code="invalid_input", at="query.limit"),
    get("a limit in Arabic digits", "/v1/jobs?limit=%D9%A3", 422, code="invalid_input", at="query.limit"),
    get("an empty limit", "/v1/jobs?limit=", 422, code="invalid_input", at="query.limit"),
    get("a state that is unknown", "/v1/jobs?state=done", 422, code="invalid_input", at="query.state"),
    get("a model that can be none", "/v1/jobs?model=A%20B", 422, code="invalid_input", at="query.model"),
    get("an after that is no id", "/v1/jobs?after=iris", 422, code="invalid_input", at="query.after"),
    get("a query that is unknown", "/v1/jobs?page=2", 422, code="invalid_input", at="query"),
    get("the last of two limits", "/v1/jobs?model=iris&limit=0&limit=1"),
    get("a query that ends in &", "/v1/jobs?model=flags&"),
    get("plus is a space", "/v1/jobs?model=a+b", 422, code="invalid_input", at="query.model"),
    get("the list for a key that may only predict", "/v1/jobs", 403, key=PREDICT, code="forbidden"),
    get("the key's last ones of before", "/v1/jobs?state=cancelled&limit=3"),
    *[
        post(
            f"as many as may be: {note}",
            "/v1/models/many:train",
            CLUSTERS,
            202,
            key=TRAIN,
            keep={note: "body id"},
        )
        for note in _SHOWN
    ],
    post("one more", "/v1/models/many:train", CLUSTERS, 429, key=TRAIN, code="too_many_jobs"),
    post("one more of another key", "/v1/models/many:train", CLUSTERS, 202, keep={"others": "body id"}),
    get("the running jobs", "/v1/jobs?state=running"),
    get("a page of the queued jobs", "/v1/jobs?state=queued&limit=5", keep={"queued": "body next_after"}),
    get("and the page after it", "/v1/jobs?state=queued&limit=5&after={queued}"),
    delete("the other key's is cancelled", "/v1/jobs/{others}", 200),
    delete("one makes room", "/v1/jobs/{open_0}", 200),
    post("there is room", "/v1/models/many:train", CLUSTERS, 202, key=TRAIN, keep={"open_0": "body id"}),
    *[delete(f"{note} is cancelled", f"/v1/jobs/{{{note}}}", 200, deliver="after") for note in _SHOWN],
    call("DELETE of the list", "DELETE", "/v1/jobs", 405, code="method_not_allowed"),
]

"""What to do about each code that a problem can have, in one or two plain sentences.

OpenAPI's `x-errors` takes it, and with it the page `/docs` and the reference of errors. No request needs it:
a package has the description that was built of it.
"""

REMEDIES = {
    "malformed_input": (
        "Send JSON, CSV or NPY as the header Content-Type says; `detail` names the byte or the line where "
        "reading stopped."
    ),
    "unauthenticated": (
        "Send a key: `Authorization: Bearer <key>` or `X-Api-Key: <key>`. If you do send one, it is "
        "unknown here, revoked or expired: ask whoever runs the service for another."
    ),
    "forbidden": (
        "Ask with a key that has the right and the names that `detail` tells; `GET /v1/whoami` shows what "
        "a key may do."
    ),
    "foreign_origin": (
        "Ask from this machine at the address that the server printed, or give it keys. Pages of another "
        "site need their origin in ML_CORS_ORIGINS."
    ),
    "algorithm_not_found": "Take one of the names that `GET /v1/algorithms` lists.",
    "alias_not_found": (
        "Look at the model's aliases: `GET /v1/models/{model}`. Make one: "
        "`PUT /v1/models/{model}/aliases/{alias}` with a version."
    ),
    "dataset_not_found": (
        "Look at `GET /v1/datasets`. An upload has two steps: ask `:upload` for an address, then PUT the "
        "file to it."
    ),
    "job_not_found": (
        "Take the id from the answer that made the job, or from `GET /v1/jobs`. A job is removed some "
        "time after its end; its version stays."
    ),
    "model_not_found": (
        "Look at `GET /v1/models`. A model is there once its first training has succeeded: look at the job."
    ),
    "not_found": "Check the name and the version in the path; the lists of the API show what there is.",
    "object_not_found": (
        "Check that the file is where `data.uri` says, and that its address is spelt as it is there."
    ),
    "route_not_found": (
        "Compare the path with this page or with `/openapi.json`; most paths begin with `/v1`."
    ),
    "schedule_not_found": "Make one: `PUT /v1/models/{model}/schedule`.",
    "version_not_found": (
        "Look at `GET /v1/models/{model}/versions`. A version that was deleted can be restored for some "
        "days: `POST …/versions/{version}:restore`."
    ),
    "method_not_allowed": "Use one of the methods that the header Allow lists.",
    "budget": (
        "Train with `privacy`, or take a dataset without a budget; what shows rows or values of this one "
        "is refused for good."
    ),
    "budget_spent": (
        "Use a version that is there already, or ask whoever answers for the dataset to raise its budget."
    ),
    "conflict": (
        "Read `detail`: it says what is in the way. Look at the present state, then send the request again."
    ),
    "data_changed": (
        "Send the request again when nobody writes to the data any more, or upload it as a dataset."
    ),
    "feedback_full": "Send the labels of later days; those that were counted stay counted.",
    "lease_lost": "Nothing: whoever holds the job now ends it. Look at the job.",
    "name_taken": "Use the name as `detail` spells it, or another name.",
    "not_described": (
        "Read `detail`: it says which algorithms and which versions tell this. A version that is trained "
        "now may."
    ),
    "not_explained": "Read `detail`: it says what would help, such as rows as `background` in the request.",
    "not_exported": "Take the version's artifact instead, or an algorithm that `detail` does not name.",
    "not_monitored": "Whoever runs the service sets ML_MONITORING_DAYS above 0; versions count from then on.",
    "nothing_to_promote": "Say `version` in the request.",
    "nothing_to_roll_back": "Set the alias to a version by its number: `PUT …/aliases/{alias}`.",
    "object_exists": (
        "Send the request again; if it comes again, something else writes to the service's storage."
    ),
    "version_gone": "Restore the version first: `POST …/versions/{version}:restore`.",
    "version_in_use": "Point the aliases that `detail` names elsewhere, then delete the version.",
    "revision_mismatch": "Read it again, and send the change with the new ETag in If-Match.",
    "too_large": (
        "Send less at once: fewer rows in a request, several requests. A table goes up as a dataset "
        "(`:upload`) and is scored by a job (`:score`)."
    ),
    "unsupported_media_type": (
        "Send `Content-Type: application/json` (or `text/csv`, `application/x-npy` where the path takes "
        "them), and of encodings gzip or deflate or none."
    ),
    "range_not_satisfiable": "Ask for a range within the length that Content-Range tells, or for all.",
    "idempotency_mismatch": (
        "Take a new Idempotency-Key for another request; repeat the old one only with the same body."
    ),
    "invalid_input": (
        "Mend what `faults` tells, each with its place; `/openapi.json` has what each path takes."
    ),
    "not_converted": (
        "Replace the step that the path names by one that can be converted, or export the model as ONNX "
        "and import that."
    ),
    "too_many_jobs": (
        "Wait for as many seconds as Retry-After says, and send it again; or cancel jobs that are queued."
    ),
    "artifact_invalid": (
        "Point the alias at another version, and train this one again. A file from a newer release needs "
        "that release."
    ),
    "internal": (
        "Send it again once; then tell whoever runs the service the request id, under which the log has "
        "the cause."
    ),
    "not_deployed": "Whoever runs the service deploys what is missing, as `detail` says.",
    "access_refused": (
        "Right after deploying, wait a minute. Else whoever runs the service gives the function's role "
        "the right to its storage, and to the key that encrypts it."
    ),
    "document_damaged": (
        "Whoever runs the service restores the object that `detail` names from the storage's older states."
    ),
    "not_configured": (
        "Make the first key, and wait a minute: `python -m providers keys new --cloud <cloud> --role admin`."
    ),
    "unavailable": "Send it again after as many seconds as Retry-After says; the client does so by itself.",
}

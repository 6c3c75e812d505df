"""A version as an ONNX file: the same bytes everywhere."""

from tests.conformance.case import NOBODY, PREDICT, TRAIN, call, get

ONNX = "/v1/models/iris/versions/1/onnx"

CASES = [
    get("a logistic regression", ONNX, keep={"iris_onnx": "header etag"}, key=TRAIN),
    get("it has not changed", ONNX, 304, {"If-None-Match": '"{iris_onnx}"'}),
    get("another ETag", ONNX, headers={"If-None-Match": '"x"'}),
    get("asked for in lines", f"{ONNX}?pretty"),
    get("a part of it", ONNX, 206, {"Range": "bytes=10-19", "If-Range": '"{iris_onnx}"'}),
    get("the end of it", ONNX, 206, {"Range": "bytes=-10"}),
    get("a part of another file", ONNX, headers={"Range": "bytes=10-19", "If-Range": '"x"'}),
    get("a part past its end", ONNX, 416, {"Range": "bytes=9999999-"}, code="range_not_satisfiable"),
    get("an SVM with a kernel, with probabilities", "/v1/models/iris/versions/2/onnx"),
    get("truth values", "/v1/models/flags/versions/1/onnx"),
    get("a linear SVM of whole numbers", "/v1/models/numbers/versions/1/onnx"),
    get("texts", "/v1/models/texts/versions/1/onnx"),
    get("a k-means", "/v1/models/line/versions/1/onnx"),
    call("HEAD of a file", "HEAD", ONNX, 200),
    call("OPTIONS of a file", "OPTIONS", ONNX, 204),
    call("POST of a file", "POST", ONNX, 405, {}, code="method_not_allowed"),
    get("an unknown parameter of the query", f"{ONNX}?format=2"),
    get("for a key that may only predict", ONNX, 403, key=PREDICT, code="forbidden"),
    get("for nobody", ONNX, 401, key=NOBODY, code="unauthenticated"),
    get("a version that was deleted", "/v1/models/iris/versions/3/onnx", 404, code="version_not_found"),
    get("a version that is to come", "/v1/models/iris/versions/9/onnx", 404, code="version_not_found"),
    get("version 0", "/v1/models/iris/versions/0/onnx", 404, code="version_not_found"),
    get("no model", "/v1/models/nobody/versions/1/onnx", 404, code="model_not_found"),
]

#!/bin/sh
# Lambda starts this in place of its runtime (AWS_LAMBDA_EXEC_WRAPPER) with the command that would start it: the
# interpreter, its options, and last AWS's own client. What ours does not offer is left to that client.
if [ "$AWS_LAMBDA_INITIALIZATION_TYPE" = snap-start ] || [ -n "$AWS_LAMBDA_MAX_CONCURRENCY" ]; then
  exec "$@"
fi
count=$#
while [ "$count" -gt 1 ]; do # all but the last go behind it, and it goes
  set -- "$@" "$1"
  shift
  count=$((count - 1))
done
shift
# Where AWS's client lets Python look: the code, the layers, its own packages.
export PYTHONPATH="$LAMBDA_TASK_ROOT:/opt/python${PYTHONPATH:+:$PYTHONPATH}${LAMBDA_RUNTIME_DIR:+:$LAMBDA_RUNTIME_DIR}"
exec "$@" -c 'from handlers.clouds.aws_runtime import main; main()'

#!/bin/sh
# Runs in a container of the image. A build arg is an environment variable here, too.
set -eu
answer=$(greet Ada)
echo "$TASKS_VERSION: $answer"
[ "$answer" = "$GREETING, Ada!" ]

"""gunicorn reads this file by itself: `gunicorn magictoolbox.wsgi`."""

import os

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = 2
threads = 8
# Loaded once, before the workers fork: a replica chooses one kind of session, and says so in one line.
preload_app = True
# Seconds; running requests finish within the 30 s that Container Apps waits for web before it kills the replica.
graceful_timeout = 25
# Seconds, longer than the ingress of Container Apps is taken to keep an idle connection (240): the side that reuses
# connections must be the one that closes them, or a request meets a closed one and is answered with 503.
keepalive = 300
accesslog = "-"
# Only Container Apps controls a replica, and the image has no home directory for the socket.
control_socket_disable = True

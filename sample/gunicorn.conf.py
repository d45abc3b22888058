"""gunicorn reads this file by itself: `gunicorn magictoolbox.wsgi`."""

import os

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = 2
threads = 8
# Loaded once, before the workers fork: a replica chooses one kind of session, and says so in one line.
preload_app = True
# Seconds; running requests finish within the 30 s that Container Apps waits for web before it kills the replica.
graceful_timeout = 25
accesslog = "-"
# Only Container Apps controls a replica, and the image has no home directory for the socket.
control_socket_disable = True

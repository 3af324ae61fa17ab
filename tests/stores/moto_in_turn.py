"""moto, which speaks S3, answering one request after the other.

By itself it looks whether there is an object and writes it in two steps, in as many threads as there are requests: on a
busy machine two writers can then both believe that they have created it.
"""

import io
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

moto = DomainDispatcherApplication(create_backend_app)
turn = threading.Lock()


def in_turn(environ, start_response):
    # Before it is its turn: whoever sends slowly holds up nobody else.
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    with turn:
        return list(moto(environ, start_response))


run_simple("127.0.0.1", int(sys.argv[1]), in_turn, threaded=True)

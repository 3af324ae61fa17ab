#!/usr/bin/env python3
"""A proxy in front of a store that loses answers. usage: faultproxy.py PORT STORES_PORT EVERY

Each request of that count, except those of the race that a store has to pass first, goes wrong in one of three ways,
in turn: it is carried out and the connection is cut, it is carried out and answered with 500, or it is cut before
anything is carried out. `GET /losses` says how many did."""
import itertools
import re
import socket
import socketserver
import sys

PORT, STORE, EVERY = map(int, sys.argv[1:])
COUNT, LOST = itertools.count(1), itertools.count(1)
WAYS = ("cut", "500", "cut before")
losses = 0


def read(stream, has_body=True):
    """One message: its head and its body; nothing at the end of the stream."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = stream.recv(65536)
        if not more:
            return None, b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.I)
    while has_body and length and len(body) < int(length.group(1)):
        more = stream.recv(65536)
        if not more:
            return None, b""
        body += more
    return head, body


class Handler(socketserver.BaseRequestHandler):
    def say(self, status, body=b""):
        """The last answer on a connection: some stores have ended theirs by then."""
        head = b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self.request.sendall(head + body)

    def handle(self):
        global losses
        with socket.create_connection(("127.0.0.1", STORE)) as store:
            while True:
                head, body = read(self.request)
                if head is None:
                    return
                line = head.split(b"\r\n")[0]
                if line.startswith(b"GET /losses "):
                    self.say(b"200 OK", str(losses).encode())
                    return
                is_lost = b"probe" not in line and next(COUNT) % EVERY == 0
                way = WAYS[next(LOST) % len(WAYS)] if is_lost else None
                losses += way is not None
                if way == "cut before":
                    return
                store.sendall(head + b"\r\n\r\n" + body)
                answer, content = read(store, has_body=not line.startswith(b"HEAD"))
                if answer is None or way == "cut":
                    return
                if way == "500":
                    self.say(b"500 Internal Server Error")
                    return
                self.request.sendall(answer + b"\r\n\r\n" + content)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("127.0.0.1", PORT), Handler).serve_forever()

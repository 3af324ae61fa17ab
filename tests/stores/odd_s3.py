#!/usr/bin/env python3
"""A store with the interface of S3 that does not do what it says about conditions. usage: odd_s3.py PORT HOW
HOW is `forgets`, `forgets-replace` (knows If-None-Match only), or `checks-then-writes` (others may come in between)."""
import hashlib
import http.server
import sys
import time
import urllib.parse

OBJECTS = {}
HOW = sys.argv[2]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code):
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
        self.answer(status, body.encode(), {"Content-Type": "application/xml"})

    def key(self):
        return urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)

    def holds(self):
        there = OBJECTS.get(self.key())
        if self.headers.get("If-None-Match") == "*" and there and HOW != "forgets":
            return False
        wanted = self.headers.get("If-Match")
        if wanted and HOW == "checks-then-writes":
            return bool(there) and there[1] == wanted
        return True

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.holds():
            return self.error(412, "PreconditionFailed")
        time.sleep(0.02)
        tag = '"' + hashlib.md5(body).hexdigest() + '"'
        OBJECTS[self.key()] = (body, tag, time.time())
        self.answer(200, b"", {"ETag": tag})

    def do_GET(self):
        there = OBJECTS.get(self.key())
        if not there:
            if "list-type" in self.path:
                body = b'<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'
                return self.answer(200, body, {"Content-Type": "application/xml"})
            return self.error(404, "NoSuchKey")
        body, tag, at = there
        self.answer(200, body, {"ETag": tag, "Last-Modified": self.date_time_string(at)})

    do_HEAD = do_GET

    def do_DELETE(self):
        OBJECTS.pop(self.key(), None)
        self.answer(204)


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

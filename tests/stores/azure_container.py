#!/usr/bin/env python3
"""Makes a container in Azurite, with its well-known account. usage: azure_container.py PORT NAME"""
import base64
import email.utils
import hashlib
import hmac
import sys
import urllib.request

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
port, name = sys.argv[1:]
date = email.utils.formatdate(usegmt=True)
headers = {"x-ms-date": date, "x-ms-version": "2021-08-06"}
signed = "PUT\n" + "\n" * 11 + f"x-ms-date:{date}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
digest = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
url = f"http://127.0.0.1:{port}/{ACCOUNT}/{name}?restype=container"
request = urllib.request.Request(url, method="PUT", headers=headers)
with urllib.request.urlopen(request) as answer:
    assert answer.status == 201, answer.status

"""Serves HTTPS with a certificate of its own authority, plain HTTP, and DNS; prints the ports and
where the authority's certificate is, and serves until it is ended."""

import datetime
import http.server
import ipaddress
import json
import socket
import socketserver
import ssl
import struct
import sys
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

folder = Path(sys.argv[1])
now = datetime.datetime.now(datetime.timezone.utc)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, issuer, key, issuer_key, days, names=None, ca=False):
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(days=30))
               .not_valid_after(now + datetime.timedelta(days=days, hours=12))
               .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM)


authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
authority = certificate("Test Authority", "Test Authority", authority_key, authority_key, 365, ca=True)
(folder / "ca.pem").write_bytes(pem(authority))
(folder / "key.pem").write_bytes(key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"all is well" if self.path == "/health" else b"x" * 100_000
        if self.path == "/echo":
            body = self.headers.get("authorization", "nobody").encode()
        if self.path == "/host":
            body = ",".join(self.headers.get_all("host")).encode()
        if self.path == "/late":
            body = b"x" * 70_000 + b"all is well"
        leads = {"/old": "/health", "/back": "echo", "/loop": "/loop",
                 "/away": f"http://localhost:{self.server.server_address[1]}/echo"}
        to = leads.get(self.path)
        self.send_response(302 if to else 503 if self.path == "/down" else 200)
        if to:
            self.send_header("location", to)
            body = b""
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", "0")))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def serve(days=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if days is not None:
        leaf = certificate("localhost", "Test Authority", key, authority_key, days,
                           [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        path = folder / f"leaf{days}.pem"
        path.write_bytes(pem(leaf) + pem(authority))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path, folder / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Resolver(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode())
            at += data[at] + 1
        question, wanted = data[12:at + 5], struct.unpack(">H", data[at + 1:at + 3])[0]
        known = ".".join(labels).lower() == "shop.test"
        answers = [bytes([192, 0, 2, last]) for last in (1, 2)] if known and wanted == 1 else []
        flags = 0x8180 if known else 0x8183
        reply = data[:2] + struct.pack(">HHHHH", flags, 1, len(answers), 0, 0) + question
        for address in answers:
            reply += struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + address
        sock.sendto(reply, self.client_address)


resolver = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Resolver)
threading.Thread(target=resolver.serve_forever, daemon=True).start()
with socket.socket() as closed:
    closed.bind(("127.0.0.1", 0))
    refused = closed.getsockname()[1]
print(json.dumps({"http": serve(), "https": serve(20), "expired": serve(-2), "refused": refused,
                  "dns": resolver.server_address[1], "ca": str(folder / "ca.pem")}), flush=True)
sys.stdin.read()

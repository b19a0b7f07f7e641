"""A mail server: prints its port, then each mail as a line of JSON."""

import json
import sys
from email import message_from_bytes
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class Inbox:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        # As Postfix with reject_non_fqdn_helo_hostname: a bare name is refused, an address literal is not.
        if "." not in hostname and not hostname.startswith("["):
            return ["504 5.5.2 <%s>: Helo command rejected: need fully-qualified hostname" % hostname]
        session.host_name = hostname
        print(json.dumps({"ehlo": hostname}), flush=True)
        return responses

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=default)
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in mail.items()},
            "text": mail.get_content(),
        }), flush=True)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("later@"):
            return "450 4.2.1 try again later"
        if address.startswith("elsewhere@"):
            return "554 5.7.1 relay access denied"
        envelope.rcpt_tos.append(address)
        return "250 OK"


def login(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ops", b"the password")
    return AuthResult(success=known, handled=not known)


controller = Controller(Inbox(), hostname="127.0.0.1", port=int(sys.argv[1]),
                        authenticator=login, auth_require_tls=False)
controller.start()
print("ready", flush=True)
sys.stdin.read()

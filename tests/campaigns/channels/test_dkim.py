"""The domain's signature, checked by the verifier that receivers run, on the bytes that arrived at a real server."""

import base64

import dkim
import pytest
from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from campaigns.channels.dkim_header import DkimKey
from campaigns.channels.email import EmailChannel, SmtpServer
from campaigns.contracts import EmailMessage
from campaigns.exceptions import ChannelUnavailable
from tests.campaigns.channels.test_backend import _free_port

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
).decode()
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
RECORDS = {b"s1._domainkey.attune.example.": b"v=DKIM1; k=rsa; p=" + base64.b64encode(PUBLIC)}
MAIL = EmailMessage(
    7, "Attune <hello@attune.example>", "ada@shop.example", "Grüße", "Hi Ada\n.a dot first\n", "<p>你好</p>",
    "https://attune.example/u/1",
)  # fmt: skip


@pytest.fixture
def inbox():
    class Inbox:
        def __init__(self):
            self.got = []

        async def handle_DATA(self, server, session, envelope):
            self.got.append(envelope.content)
            return "250 kept"

    kept = Inbox()
    controller = Controller(kept, hostname="127.0.0.1", port=_free_port())
    controller.start()
    yield kept, controller.port
    controller.stop()


def send(port, pem=PEM):
    key = DkimKey("attune.example", "s1", pem)
    with EmailChannel(SmtpServer("127.0.0.1", port, "none", dkim=key)).open() as session:
        session.send(MAIL)


def holds(content: bytes) -> bool:
    return dkim.verify(content, dnsfunc=lambda name, timeout=5: RECORDS.get(name))


def test_a_receiver_finds_the_signature_good_and_any_change_bad(inbox):
    kept, port = inbox
    send(port)
    (content,) = kept.got
    assert holds(content)
    assert not holds(content.replace(b"https://attune.example/u/1", b"https://evil.example/u/1"))
    assert not holds(content.replace(b"Hi Ada", b"Hi Eve"))
    assert not holds(content.replace(b"Subject: ", b"Reply-To: eve@evil.example\r\nSubject: "))


def test_a_key_that_cannot_be_read_stops_the_channel_before_anything_is_offered(inbox):
    kept, port = inbox
    with pytest.raises(ChannelUnavailable) as failure:
        send(port, pem="-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----")
    assert failure.value.reason == "no_login"
    assert kept.got == []

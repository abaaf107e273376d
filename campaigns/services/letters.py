"""Letters that somebody asked for: the link of a double opt-in and of a request for one's data. No advertisement.

Nothing that anybody typed stands in them: a form that mails a stranger's words to an address of their choice is a gift to
spammers. Each is claimed by one conditional UPDATE and given back when the server cannot be reached.
"""

from django.conf import settings
from django.urls import reverse

from campaigns.contracts import EmailMessage
from campaigns.exceptions import SendFailure, TransientFailure
from campaigns.services import pace
from campaigns.services.senders import mail_channel
from customers.queries.packs import pack
from customers.services import optin, rights
from customers.services.seal import open_contacts

# By kind and language: subject, text.
WORDS = {
    ("opt_in", "en"): (
        "{brand}: please confirm",
        "Somebody, probably you, asked {brand} for the following:\n\n“{wording}”\n\nTo confirm, open this page and "
        "press the button there:\n{link}\n\nIf it was not you, do nothing: without the button nothing is sent. The "
        "link ends on {until:%Y-%m-%d}.\n\n{brand}, {postal}\n",
    ),
    ("opt_in", "zh"): (
        "{brand}：请确认",
        "有人（可能是您本人）向{brand}提出了以下请求：\n\n“{wording}”\n\n如需确认，请打开此页面并点击按钮：\n{link}\n\n"
        "如果不是您本人，请忽略此邮件：不点击按钮就不会发送任何内容。链接有效期至 {until:%Y-%m-%d}。\n\n{brand}，{postal}\n",
    ),
    ("request", "en"): (
        "{brand}: your request about your data",
        "Somebody, probably you, asked {brand} for {what}. To show that it was you, open this page and press the button "
        "there:\n{link}\n\nIf it was not you, do nothing: nothing is shown or erased. The link works once and ends on "
        "{until:%Y-%m-%d %H:%M} UTC.\n\n{brand}, {postal}\n",
    ),
    ("request", "zh"): (
        "{brand}：关于您的个人信息请求",
        "有人（可能是您本人）向{brand}提出了请求：{what}。如需确认是您本人，请打开此页面并点击按钮：\n{link}\n\n"
        "如果不是您本人，请忽略此邮件：不会展示或删除任何信息。链接仅可使用一次，有效期至 {until:%Y-%m-%d %H:%M} UTC。"
        "\n\n{brand}，{postal}\n",
    ),
}
WHAT = {
    "en": {
        "access": "a copy of your data", "portability": "your data to take along", "erasure": "the erasure of your data",
        "objection": "no more use of your data",
    },
    "zh": {"access": "查阅个人信息", "portability": "转移个人信息", "erasure": "删除个人信息", "objection": "停止使用个人信息"},
}  # fmt: skip


def send_opt_in(opt_in_id: int) -> bool:
    """Mails the link of a double opt-in; True when the server took it."""
    claimed = optin.new_link(opt_in_id)
    if claimed is None:
        return False
    opt_in, secret = claimed
    wording = pack(opt_in.jurisdiction).wording(opt_in.subject, opt_in.language)
    link = settings.PUBLIC_URL + reverse("campaigns:opt-in", args=[opt_in.pk, secret])
    facts = {"wording": wording.text, "link": link, "until": opt_in.expires_at}
    if _send("opt_in", opt_in.language, opt_in.contact_point_id, f"opt-in-{opt_in.pk}-{secret[:8]}", facts):
        return True
    optin.give_back(opt_in_id)
    return False


def send_request(request_id: int) -> bool:
    """Mails the one-time link of a request for one's data; True when the server took it."""
    claimed = rights.new_link(request_id)
    if claimed is None:
        return False
    request, secret = claimed
    link = settings.PUBLIC_URL + reverse("campaigns:privacy-link", args=[request.reference, secret])
    language = _language(request.language)
    facts = {"what": WHAT[language][request.kind], "link": link, "until": request.link_until}
    if _send("request", language, request.contact_point_id, f"request-{request.reference}-{secret[:8]}", facts):
        return True
    rights.give_back(request_id)
    return False


def waiting() -> tuple[list[int], list[int]]:
    """(opt-ins, requests) whose letter was not sent yet; none while the mail provider asks for some time without messages."""
    if pace.is_left_alone(pace.MAIL):
        return [], []
    return optin.waiting_for_a_letter(), rights.waiting_for_a_letter()


def _send(kind: str, language: str, contact_point_id: int, reference: str, facts: dict) -> bool:
    address = open_contacts([contact_point_id]).get(contact_point_id)
    if address is None or "@" not in address:
        return True  # gone with its person: there is nothing to try again
    subject, text = WORDS[kind, _language(language)]
    facts = {**facts, "brand": settings.BRAND, "postal": settings.POSTAL_ADDRESS}
    mail = EmailMessage(
        message_id=0, sender=settings.MAIL_FROM, to=address, subject=subject.format(**facts), text=text.format(**facts),
        html="", unsubscribe_url="", reference=reference,
    )  # fmt: skip
    try:
        with mail_channel().open() as session:
            session.send(mail)
    except TransientFailure as failure:
        if failure.retry_after:
            pace.leave_alone(pace.MAIL, failure.retry_after)
        return False
    except SendFailure:
        return True  # what is not tried again is done with
    return True


def _language(code: str) -> str:
    return "zh" if code.startswith("zh") else "en"

"""Every page that changes something leaves an entry in the audit trail: who, what, to which thing, in which request.

The doors say themselves which of them take a post; one that stands neither under ACTS nor under UNAUDITED fails.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiKey, AuditEntry, User
from accounts.services import issue_api_key
from campaigns.models import Campaign, Message, MessageVariant, Segment, WebhookDelivery
from campaigns.services import approval, delivery, endpoints, words
from campaigns.services.endpoints import NewEndpoint
from campaigns.services.lifecycle import move
from campaigns.services.segments import save_segment
from catalog.queries import by_ids
from catalog.services.offers import save_offer
from copywriting.contracts import CopyBrief
from copywriting.llm.writer import template
from copywriting.models import Draft, Piece
from copywriting.services import drafts, jobs
from copywriting.services.briefs import compose_brief, product_fact
from customers.models import MergeProposal
from customers.services import import_run, imports, merge, retention, rights
from registry import services as registry
from registry.models import ModelVersion
from risk import scoring
from risk.models import Case, Flag
from tests import factories
from tests.accounts.test_access import address, table
from tests.campaigns.pages import shop_in_review, shop_sending
from tests.campaigns.test_compose_page import form as plan_form
from tests.campaigns.test_offers_page import form as offer_form
from tests.campaigns.test_segments_page import form as segment_form
from tests.customers.rows import reachable
from tests.flows.shop import open_shop, read
from tests.flows.test_triggers import CART
from tests.flows.test_triggers import running as answering
from tests.risk import shop as orders

pytestmark = pytest.mark.django_db

Act = tuple[User, dict, dict]  # by whom, the arguments of the address, the fields of the form


def _key(user: User) -> ApiKey:
    return issue_api_key(User.objects.create_user("shop", is_service=True), "till", ["events.write"], actor=user)[0]


def issue_key() -> Act:
    User.objects.create_user("shop", is_service=True)
    return factories.staff("administrator"), {}, {"username": "shop", "name": "till", "scopes": ["events.write"]}


def revoke_key() -> Act:
    ada = factories.staff("administrator")
    return ada, {"key_id": _key(ada).pk}, {"reason": "laptop lost"}


def export_trail() -> Act:
    return factories.staff("officer"), {}, {"format": "csv"}


def compose() -> Act:
    segment = save_segment(
        slug="all", name="All", rule={"field": "f_score", "op": ">=", "value": 1}, audience_phrase="us"
    )
    return factories.staff("marketer"), {}, plan_form(segment_1=segment.pk)


def recompose() -> Act:
    shop = shop_in_review(people=2)
    return shop.marketer, {"campaign_id": shop.campaign.pk}, plan_form(segment_1=Segment.objects.get().pk)


def new_offer() -> Act:
    return factories.staff("marketer"), {}, offer_form()


def edit_offer() -> Act:
    now = timezone.now()
    deal = save_offer(
        external_id="spring", title="Spring", kind="percent", value=Decimal(10), starts_at=now,
        ends_at=now + timedelta(days=3),
    )  # fmt: skip
    return factories.staff("marketer"), {"offer_id": deal.pk}, offer_form()


def start_running() -> Act:
    shop = answering(CART)
    move(shop.campaign.pk, "pause")
    Campaign.objects.filter(pk=shop.campaign.pk).update(state="approved")
    return shop.marketer, {"campaign_id": shop.campaign.pk}, {}


def end_running() -> Act:
    shop = answering(CART)
    return shop.marketer, {"campaign_id": shop.campaign.pk}, {"end-reason": "season over"}


def ask_for_drafts() -> Act:
    maker, _, _ = compose()
    campaign = Campaign.objects.create(name="Rolls again", created_by=maker)
    campaign.segments.add(Segment.objects.get(), through_defaults={"priority": 0})
    return maker, {"campaign_id": campaign.pk}, {}


def schedule() -> Act:
    shop = shop_in_review(people=2)
    approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=read(shop.campaign))
    return shop.marketer, {"campaign_id": shop.campaign.pk}, {}


def unschedule() -> Act:
    shop = open_shop(people=2)
    return shop.marketer, {"campaign_id": shop.campaign.pk}, {}


def approve() -> Act:
    shop = shop_in_review(people=2)
    return shop.approver, {"campaign_id": shop.campaign.pk}, {"digest": read(shop.campaign)}


def settle() -> Act:
    shop = shop_in_review(people=2)
    said = approval.comment(shop.campaign.pk, author=shop.approver, text="Is the offer known to the tills?")
    return shop.marketer, {"campaign_id": shop.campaign.pk, "comment_id": said.pk}, {"is_resolved": "yes"}


def comment() -> Act:
    shop = shop_in_review(people=2)
    return shop.approver, {"campaign_id": shop.campaign.pk}, {"text": "Is the offer known to the tills?"}


def send_back() -> Act:
    shop = shop_in_review(people=2)
    return shop.approver, {"campaign_id": shop.campaign.pk}, {"back-reason": "the offer ends on Sunday"}


def edit_words() -> Act:
    shop = shop_in_review(people=2)
    words = {"subject": "Hello", "body": "Hello from {{ store }}."}
    return shop.marketer, {"campaign_id": shop.campaign.pk, "variant_id": MessageVariant.objects.get().pk}, words


def pause() -> Act:
    shop = shop_sending(people=2)
    return factories.staff("officer"), {"campaign_id": shop.campaign.pk}, {"pause-reason": "a complaint"}


def resume() -> Act:
    shop = shop_sending(people=2)
    delivery.pause(shop.campaign.pk, actor=shop.marketer, reason="a typing error")
    return shop.marketer, {"campaign_id": shop.campaign.pk}, {}


def try_now() -> Act:
    shop = shop_sending(people=2)
    later = timezone.now() + timedelta(hours=1)
    Message.objects.update(not_before=later, error="451 4.7.1 come back later")
    return shop.marketer, {"campaign_id": shop.campaign.pk}, {"channel": "email", "code": "451 4.7.1"}


def cancel() -> Act:
    shop = shop_in_review(people=2)
    return shop.marketer, {"campaign_id": shop.campaign.pk}, {"cancel-reason": "wrong price"}


def new_segment() -> Act:
    return factories.staff("marketer"), {}, segment_form()


def make_list() -> Act:
    maker, _, _ = compose()
    seed = Segment.objects.get()
    fields = {"seed": seed.pk, "wanted": 10, "name": "Like them", "audience_phrase": "people like you"}
    return maker, {}, {"make": "alike"} | {f"alike-{name}": value for name, value in fields.items()}


def edit_segment() -> Act:
    compose()
    return factories.staff("marketer"), {"segment_id": Segment.objects.get().pk}, segment_form()


def delete_segment() -> Act:
    spare = save_segment(
        slug="spare", name="Spare", rule={"field": "r_score", "op": ">=", "value": 4}, audience_phrase="you"
    )
    return factories.staff("marketer"), {"segment_id": spare.pk}, {}


def promote() -> Act:
    version = ModelVersion.objects.create(kind="blend", status="candidate", artifact_digest="0" * 64)
    return factories.staff("analyst"), {"version_id": version.pk}, {"reason": "first model"}


def roll_back() -> Act:
    old = ModelVersion.objects.create(kind="blend", status="candidate", artifact_digest="0" * 64)
    registry.promote(old.pk, actor=None, reason="first")
    metrics = {"ndcg": {"beats_live": True}}
    new = ModelVersion.objects.create(kind="blend", status="candidate", artifact_digest="1" * 64, metrics=metrics)
    registry.promote(new.pk, actor=None, reason="better")
    return factories.staff("analyst"), {"version_id": new.pk}, {"reason": "complaints"}


def _burst() -> Flag:
    basket = orders.products()
    orders.ordinary(basket)
    orders.burst(factories.customer(), basket)
    scoring.sweep()
    return Flag.objects.latest("pk")


def decide_flag() -> Act:
    flag = _burst()
    fields = {"decision": "dismissed", "reason": "a market stall", "seen": flag.state}
    return factories.staff("analyst"), {"flag_id": flag.pk}, fields


def decide_case() -> Act:
    flag = _burst()
    fields = {"decision": "dismissed", "reason": "a market stall", "newest_flag_id": flag.pk}
    return factories.staff("analyst"), {"case_id": Case.objects.get().pk}, fields


def take_campaign_evidence() -> Act:
    return factories.staff("officer"), {"campaign_id": open_shop(people=2).campaign.pk}, {"reason": "audit of May"}


def take_personal_evidence() -> Act:
    return factories.staff("officer"), {"customer_id": factories.customer().pk}, {"reason": "complaint 7"}


def place_hold() -> Act:
    return factories.staff("officer"), {}, {"table": "*", "reason": "case 7"}


def lift_hold() -> Act:
    otto = factories.staff("officer")
    hold = retention.place_hold(table="*", reason="case 7", actor=otto)
    return otto, {"hold_id": hold.pk}, {"reason": "settled"}


def _import() -> int:
    """A file of one person, in."""
    batch = imports.receive("people", "people.csv", [b"customer\nann\n"])
    import_run.run(batch.pk)
    imports.choose(batch.pk, {"customer": "customer"}, {})
    import_run.run(batch.pk)
    return batch.pk


def upload_people() -> Act:
    return factories.staff("officer"), {}, {"kind": "people", "file": SimpleUploadedFile("a.csv", b"customer\nann\n")}


def load_people() -> Act:
    return factories.staff("officer"), {"batch_id": _import()}, {}


def undo_people() -> Act:
    batch_id = _import()
    imports.load(batch_id)
    import_run.run(batch_id)
    return factories.staff("officer"), {"batch_id": batch_id}, {"reason": "the wrong file"}


def _known_list() -> int:
    """A file of one person who is known, run dry."""
    factories.customer(external_id="ann")
    batch = imports.receive("members", "fair.csv", [b"customer\nann\n"])
    import_run.run(batch.pk)
    imports.choose(batch.pk, {"customer": "customer"}, {"list": "Fair"})
    import_run.run(batch.pk)
    return batch.pk


def upload_list() -> Act:
    return factories.staff("marketer"), {}, {"file": SimpleUploadedFile("a.csv", b"customer\nann\n")}


def load_list() -> Act:
    return factories.staff("marketer"), {"batch_id": _known_list()}, {}


def undo_list() -> Act:
    batch_id = _known_list()
    imports.load(batch_id)
    import_run.run(batch_id)
    return factories.staff("marketer"), {"batch_id": batch_id}, {"reason": "the wrong file"}


def decide_merge() -> Act:
    one, other = factories.customer(), factories.customer()
    merge.propose(one.pk, other.pk, rule="loyalty_card", conflict="Two accounts.")
    proposal = MergeProposal.objects.get()
    fields = {f"p{proposal.pk}-reason": "she wrote to us", "decision": "merge"}
    return factories.staff("officer"), {"proposal_id": proposal.pk}, fields


def undo_merge() -> Act:
    trail = merge.merge(factories.customer().pk, factories.customer().pk, rule="staff")
    return factories.staff("officer"), {"trail_id": trail.pk}, {"reason": "two people"}


# Each page that takes a post: how to come to it with something to change, and what the trail then says.
def new_request() -> Act:
    ann = reachable(external_id="ann")
    return factories.staff("officer"), {}, {"customer": ann.external_id, "kind": "access"}


def _request(kind: str):
    return rights.receive(kind, reachable(), via="staff")


def verify_request() -> Act:
    return factories.staff("officer"), {"request_id": _request("access").pk}, {"evidence": "passport seen"}


def refuse_request() -> Act:
    return factories.staff("officer"), {"request_id": _request("access").pk}, {"reason": "not the person"}


def _verified(kind: str) -> Act:
    officer, request = factories.staff("officer"), _request(kind)
    rights.verify_by_staff(request.pk, actor=officer, evidence="known by voice")
    return officer, {"request_id": request.pk}, {}


def erase_request() -> Act:
    return _verified("erasure")


def stop_request() -> Act:
    return _verified("objection")


def export_request() -> Act:
    return _verified("access")


def _text() -> Piece:
    """A text of the studio, written by phrases."""
    product = factories.product("White Milk", category="FLUID MILK PRODUCTS")
    brief = compose_brief(
        product_fact(by_ids([product.pk])[product.pk]), store="S", segment="regular", audience="us", seed=1
    )
    piece = jobs.ask("brief", "Milk", [(brief, product.pk)], actor=None).pieces.get()
    kept = drafts.keep(brief, [template(brief)], drafted=0, passed=0, seconds=0)
    jobs.kept(piece, kept.generation_id)
    piece.refresh_from_db()
    return piece


def new_brief() -> Act:
    product = factories.product("White Milk", category="FLUID MILK PRODUCTS")
    fields = {"name": "Milk", "product": product.pk, "channels": ["email"], "readers": ["regular"], "locale": "en",
              "tone": "friendly"}  # fmt: skip
    return factories.staff("marketer"), {}, fields


def accept_text() -> Act:
    piece = _text()
    return factories.staff("marketer"), {"piece_id": piece.pk}, {"draft": piece.generation.drafts.get().pk}


def write_again() -> Act:
    piece = _text()
    return factories.staff("marketer"), {"piece_id": piece.pk}, {f"p{piece.pk}-tone": "calm"}


def edit_draft() -> Act:
    draft = _text().generation.drafts.get()
    return factories.staff("marketer"), {"draft_id": draft.pk}, {"subject": draft.subject, "body": draft.body}


def replay_draft() -> Act:
    return factories.staff("marketer"), {"draft_id": _text().generation.drafts.get().pk}, {}


def _words_of(shop) -> tuple[dict, Draft]:
    """A draft beside the words of the shop's one segment, as a second look would leave it."""
    segment = Segment.objects.get()
    rewrite = words.ask_again(shop.campaign.pk, segment.pk, "email", {}, actor=shop.marketer)
    piece = rewrite.job.pieces.get()
    brief = CopyBrief.of(piece.brief)
    draft = drafts.keep(brief, [template(brief)], drafted=0, passed=0, seconds=0)
    jobs.kept(piece, draft.generation_id)
    return {"campaign_id": shop.campaign.pk, "segment_id": segment.pk}, draft


def accept_draft() -> Act:
    shop = shop_in_review(people=2)
    where, draft = _words_of(shop)
    return shop.marketer, where, {"draft": draft.pk, "label": "A"}


def write_words_again() -> Act:
    shop = shop_in_review(people=2)
    segment = Segment.objects.get().pk
    return (
        shop.marketer,
        {"campaign_id": shop.campaign.pk, "segment_id": segment},
        {f"s{segment}-email-tone": "calm", "channel": "email", "label": "A"},
    )


def retire_variant() -> Act:
    shop = shop_in_review(people=2)
    where, draft = _words_of(shop)
    added = words.accept(**where, label="B", draft_id=draft.pk, actor=shop.marketer)
    return shop.marketer, {"campaign_id": shop.campaign.pk, "variant_id": added.pk}, {}


def share_evenly() -> Act:
    shop = shop_in_review(people=2)
    return shop.marketer, {"campaign_id": shop.campaign.pk}, {"split": "even"}


def _endpoint(**fields) -> Act:
    ada = factories.staff("administrator")
    new = NewEndpoint("Shop", "https://shop.example/hook", ("message.sent",))
    return ada, {"endpoint_id": endpoints.register(new, actor=ada)[0].pk}, fields


def register_endpoint() -> Act:
    return factories.staff("administrator"), {}, ENDPOINT


def change_endpoint() -> Act:
    return _endpoint(**ENDPOINT)


def redeliver_post() -> Act:
    ada, where, _ = _endpoint()
    row = WebhookDelivery.objects.create(endpoint_id=where["endpoint_id"], kind="message.sent", state="failed")
    return ada, {**where, "delivery_id": row.pk}, {}


ENDPOINT = {"name": "Till", "url": "https://shop.example/till", "kinds": ["message.bounced"]}
ACTS = {
    "campaigns:webhooks:list": (register_endpoint, "webhook.registered"),
    "campaigns:webhooks:one": (change_endpoint, "webhook.changed"),
    "campaigns:webhooks:rotate": (_endpoint, "webhook.secret_rotated"),
    "campaigns:webhooks:test": (_endpoint, "webhook.tested"),
    "campaigns:webhooks:remove": (_endpoint, "webhook.removed"),
    "campaigns:webhooks:redeliver": (redeliver_post, "webhook.redelivered"),
    "campaigns:accept-draft": (accept_draft, "variant.accepted"),
    "campaigns:write-again": (write_words_again, "copy.asked"),
    "campaigns:retire": (retire_variant, "variant.retired"),
    "campaigns:split": (share_evenly, "campaign.edited"),
    "copywriting:new": (new_brief, "copy.asked"),
    "copywriting:accept": (accept_text, "copy.accepted"),
    "copywriting:again": (write_again, "copy.asked"),
    "copywriting:edit": (edit_draft, "copy.edited"),
    "copywriting:replay": (replay_draft, "copy.replayed"),
    "campaigns:request-new": (new_request, "privacy.received"),
    "campaigns:request-verify": (verify_request, "privacy.verified"),
    "campaigns:request-refuse": (refuse_request, "privacy.refused"),
    "campaigns:request-erase": (erase_request, "privacy.completed"),
    "campaigns:request-export": (export_request, "privacy.completed"),
    "campaigns:request-stop": (stop_request, "privacy.completed"),
    "accounts:issue-key": (issue_key, "key.issued"),
    "accounts:revoke-key": (revoke_key, "key.revoked"),
    "accounts:audit-export": (export_trail, "audit.exported"),
    "campaigns:new": (compose, "campaign.created"),
    "campaigns:edit": (recompose, "campaign.edited"),
    "campaigns:offer-new": (new_offer, "offer.saved"),
    "campaigns:offer": (edit_offer, "offer.saved"),
    "campaigns:drafts": (ask_for_drafts, "campaign.generate"),
    "campaigns:start": (start_running, "campaign.start"),
    "campaigns:end": (end_running, "campaign.finish"),
    "campaigns:schedule": (schedule, "campaign.schedule"),
    "campaigns:unschedule": (unschedule, "campaign.unschedule"),
    "campaigns:approve": (approve, "campaign.approve"),
    "campaigns:comment": (comment, "campaign.commented"),
    "campaigns:settle": (settle, "campaign.remark_resolved"),
    "campaigns:send-back": (send_back, "campaign.send_back"),
    "campaigns:words": (edit_words, "variant.edited"),
    "campaigns:pause": (pause, "campaign.pause"),
    "campaigns:resume": (resume, "campaign.resume"),
    "campaigns:try-now": (try_now, "campaign.try_now"),
    "campaigns:cancel": (cancel, "campaign.cancel"),
    "campaigns:segment-new": (new_segment, "segment.saved"),
    "campaigns:lists": (make_list, "list.made"),
    "campaigns:segment-edit": (edit_segment, "segment.saved"),
    "campaigns:segment-delete": (delete_segment, "segment.deleted"),
    "campaigns:evidence-pack": (take_campaign_evidence, "evidence.exported"),
    "campaigns:person-evidence": (take_personal_evidence, "evidence.exported"),
    "customers:hold": (place_hold, "hold.placed"),
    "customers:lift-hold": (lift_hold, "hold.lifted"),
    "customers:imports": (upload_people, "import.received"),
    "customers:import_load": (load_people, "import.asked"),
    "customers:import_discard": (load_people, "import.discarded"),
    "customers:import_undo": (undo_people, "import.undone"),
    "customers:list_files": (upload_list, "import.received"),
    "customers:list_file_load": (load_list, "import.asked"),
    "customers:list_file_discard": (load_list, "import.discarded"),
    "customers:list_file_undo": (undo_list, "import.undone"),
    "customers:merge_decide": (decide_merge, "customer.merged"),
    "customers:merge_undo": (undo_merge, "customer.merge_undone"),
    "registry:promote": (promote, "model.promoted"),
    "registry:roll-back": (roll_back, "model.rolled_back"),
    "risk:decide": (decide_flag, "flag.dismissed"),
    "risk:decide-case": (decide_case, "case.dismissed"),
}
# A post without an entry, and why.
UNAUDITED = {
    "campaigns:words-check": "reads",
    "campaigns:rehearsal": "asks a worker to count; changes no campaign",
    "campaigns:review": "asks a worker to count; changes no campaign",
    "copywriting:check": "reads",
    "accounts:language": "keeps a cookie, no record",
    "accounts:login": "audited as user.logged_in: tests/accounts/test_login.py",
    "account_login": "the same page",
    "mfa_authenticate": "as above",
    "account_reauthenticate": "changes a session, no record",
    "mfa_reauthenticate": "as above",
    "mfa_reauthenticate_webauthn": "as above",
    "accounts:password": "audited, from a session that was opened with a password: tests/accounts/test_login.py",
    "mfa_activate_totp": "as above",
    "mfa_deactivate_totp": "as above",
    "mfa_generate_recovery_codes": "as above",
    "mfa_add_webauthn": "audited, with a key of a browser: tests/browser/test_passkey.py",
    "mfa_remove_webauthn": "as above",
    "mfa_download_recovery_codes": "reads",
    "accounts:export-decide": "audited, from a session that was opened with a password: tests/accounts/test_exports.py",
    "campaigns:recipients-export": "as above",
    "campaigns:recipients-download": "as above",
    "campaigns:ad": "audited as ad.edited: tests/flows/test_handover.py",
    "campaigns:file-ask": "audited, from a session that was opened with a password: tests/flows/test_handover.py",
    "campaigns:file-take": "as above",
    "customers:export": "audited, from a session that was opened with a password: tests/customers/test_people_export.py",
    "customers:export-download": "as above",
    "accounts:logout": "changes a session, no record",
    "campaigns:segment-count": "counts what stands",
    "campaigns:keep": "keeps what somebody types, for themselves alone; saving it is audited",
    "campaigns:keep-new": "as above",
    "campaigns:overlap": "as above",
    "campaigns:click": "the customer's own act: a Click and an Event",
    "campaigns:unsubscribe": "the customer's own act: a record of the consent ledger, which is append-only itself",
    "campaigns:sms-hook": "as above, signed by the provider of texts",
    "campaigns:mail-hook": "as above, with the secret of the mail provider",
    "campaigns:preferences": "as above",
    "campaigns:survey": "the customer's own answer",
    "trainings:list": "as the one below",
    "registry:measure": "leaves a run that names who asked for it, and changes nothing",
    "campaigns:opt-in": "the customer's own act: a record of the consent ledger",
    "campaigns:privacy": "somebody's own request: its row says so; nobody of ours acted",
    "campaigns:privacy-link": "the customer's own act; what it completes is audited by the service",
    "customers:find": "reads; a post keeps the address out of logs",
    "customers:verify": "reads",
    "customers:list_file_choose": "as the one below",
    "customers:import_choose": "asks for a dry run, which changes nothing; the load is audited with its columns",
}


def takes_post(name: str) -> bool:
    """Asked of the door itself, with a method that no page takes: the refusal names those that it does."""
    user = factories.staff("marketer")
    for role in ("approver", "analyst", "officer", "administrator"):
        user.roles.add(*factories.staff(role).roles.all())
    client = Client()
    client.force_login(factories.enrol(user))
    answer = client.put(address(name))
    return answer.status_code != 405 or "POST" in answer["Allow"]


def test_every_page_that_takes_a_post_is_listed():
    pages = {name for name, method in table() if not method and name not in {"schema", "api-docs"}}
    assert {name for name in pages if takes_post(name)} == ACTS.keys() | UNAUDITED.keys() - {"campaigns:click"}


@pytest.mark.parametrize("name", ACTS)
def test_the_change_leaves_an_entry_with_actor_thing_and_request(name):
    prepare, action = ACTS[name]
    user, kwargs, fields = prepare()
    newest = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    client = Client()
    client.force_login(user)

    answer = client.post(reverse(name, kwargs=kwargs), fields)

    entries = {entry.action: entry for entry in AuditEntry.objects.filter(pk__gt=newest)}
    assert action in entries, (answer.status_code, answer.content[:2000])
    entry = entries[action]
    assert (entry.actor, entry.request_id) == (user, answer["X-Request-Id"])
    assert entry.object_type and entry.object_id
    assert entry.before or entry.after or entry.reason

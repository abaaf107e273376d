from django.urls import path

from customers import api
from customers.views import budget, events, exports, imports, ledger, merges, people, rates, retention

app_name = "customers"

urlpatterns = [
    path("people/", people.people, name="list"),
    path("people/find/", people.find, name="find"),
    path("people/export/", exports.ask, name="export"),
    path("people/export/<slug:wanted>/<int:export_id>/", exports.download, name="export-download"),
    path("people/<int:customer_id>/", people.person, name="detail"),
    path("merges/", merges.merges, name="merges"),
    path("merges/<int:trail_id>/undo/", merges.undo, name="merge_undo"),
    path("merges/proposals/<int:proposal_id>/", merges.decide, name="merge_decide"),
    path("imports/", imports.imports, name="imports"),
    path("imports/<int:batch_id>/", imports.batch, name="import"),
    path("imports/<int:batch_id>/columns/", imports.choose, name="import_choose"),
    path("imports/<int:batch_id>/load/", imports.load, name="import_load"),
    path("imports/<int:batch_id>/discard/", imports.discard, name="import_discard"),
    path("imports/<int:batch_id>/undo/", imports.undo, name="import_undo"),
    path("imports/<int:batch_id>/refused.csv", imports.rejects, name="import_rejects"),
    path("lists/", imports.list_files, name="list_files"),
    path("lists/<int:batch_id>/", imports.list_file, name="list_file"),
    path("lists/<int:batch_id>/columns/", imports.list_choose, name="list_file_choose"),
    path("lists/<int:batch_id>/load/", imports.list_load, name="list_file_load"),
    path("lists/<int:batch_id>/discard/", imports.list_discard, name="list_file_discard"),
    path("lists/<int:batch_id>/undo/", imports.list_undo, name="list_file_undo"),
    path("lists/<int:batch_id>/refused.csv", imports.list_rejects, name="list_file_rejects"),
    path("ledger/", ledger.ledger, name="ledger"),
    path("ledger/verify/", ledger.verify, name="verify"),
    path("ledger/<int:record_id>/", ledger.ledger_record, name="ledger_record"),
    path("ledger/<int:record_id>/receipt.json", ledger.receipt, name="receipt"),
    path("events/", events.events, name="events"),
    path("privacy/budget/", budget.budget, name="budget"),
    path("privacy/rates/", rates.rates, name="rates"),
    path("privacy/retention/", retention.retention, name="retention"),
    path("privacy/retention/hold/", retention.hold, name="hold"),
    path("privacy/retention/hold/<int:hold_id>/lift/", retention.lift_hold, name="lift-hold"),
]

api_urlpatterns = [
    path("events/", api.Events.as_view(), name="events"),
    path("events/quarantine/", api.QuarantineList.as_view(), name="events-quarantine"),
    path("events/quarantine/retry/", api.QuarantineRetry.as_view(), name="events-quarantine-retry"),
]

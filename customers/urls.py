from django.urls import path

from customers import api, views

app_name = "customers"

urlpatterns = [
    path("people/", views.people, name="list"),
    path("people/find/", views.find, name="find"),
    path("people/<int:customer_id>/", views.person, name="detail"),
    path("ledger/", views.ledger, name="ledger"),
    path("ledger/verify/", views.verify, name="verify"),
    path("ledger/<int:record_id>/", views.ledger_record, name="ledger_record"),
    path("ledger/<int:record_id>/receipt.json", views.receipt, name="receipt"),
    path("events/", views.events, name="events"),
]

api_urlpatterns = [
    path("events/", api.Events.as_view(), name="events"),
    path("events/quarantine/", api.QuarantineList.as_view(), name="events-quarantine"),
    path("events/quarantine/retry/", api.QuarantineRetry.as_view(), name="events-quarantine-retry"),
]

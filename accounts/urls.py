from django.urls import path

from accounts.views import entrance, keys, trail

app_name = "accounts"

urlpatterns = [
    path("login/", entrance.Login.as_view(), name="login"),
    path("logout/", entrance.Logout.as_view(), name="logout"),
    path("audit/", trail.audit, name="audit"),
    path("audit/export/", trail.export, name="audit-export"),
    path("keys/", keys.keys, name="keys"),
    path("keys/issue/", keys.issue_key, name="issue-key"),
    path("keys/<int:key_id>/revoke/", keys.revoke_key, name="revoke-key"),
]

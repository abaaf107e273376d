from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", views.Logout.as_view(), name="logout"),
    path("audit/", views.audit, name="audit"),
    path("keys/", views.keys, name="keys"),
    path("keys/issue/", views.issue_key, name="issue-key"),
    path("keys/<int:key_id>/revoke/", views.revoke_key, name="revoke-key"),
]

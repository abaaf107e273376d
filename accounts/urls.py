from django.urls import path

from accounts.views import entrance, exports, factors, keys, language, trail

app_name = "accounts"

urlpatterns = [
    path("login/", entrance.Login.as_view(), name="login"),
    path("logout/", entrance.Logout.as_view(), name="logout"),
    path("language/", language.language, name="language"),
    path("password/", entrance.NewPassword.as_view(), name="password"),
    path("audit/", trail.audit, name="audit"),
    path("audit/export/", trail.export, name="audit-export"),
    path("exports/", exports.exports, name="exports"),
    path("exports/<int:export_id>/decide/", exports.decide, name="export-decide"),
    path("keys/", keys.keys, name="keys"),
    path("keys/issue/", keys.issue_key, name="issue-key"),
    path("keys/<int:key_id>/revoke/", keys.revoke_key, name="revoke-key"),
]

# By the names that django-allauth looks for. What is not listed does not exist: no sign-up, no mail, no social login.
allauth_urlpatterns = [
    path("login/", entrance.Login.as_view(), name="account_login"),
    path("login/second-step/", entrance.SecondStep.as_view(), name="mfa_authenticate"),
    path("confirm/", entrance.ConfirmByPassword.as_view(), name="account_reauthenticate"),
    path("confirm/code/", entrance.ConfirmByCode.as_view(), name="mfa_reauthenticate"),
    path("confirm/passkey/", entrance.ConfirmByPasskey.as_view(), name="mfa_reauthenticate_webauthn"),
    path("second-factor/", factors.Factors.as_view(), name="mfa_index"),
    path("second-factor/app/", factors.AddApp.as_view(), name="mfa_activate_totp"),
    path("second-factor/app/remove/", factors.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("second-factor/passkeys/", factors.Passkeys.as_view(), name="mfa_list_webauthn"),
    path("second-factor/passkeys/add/", factors.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("second-factor/passkeys/<int:pk>/remove/", factors.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("second-factor/codes/", factors.RecoveryCodes.as_view(), name="mfa_view_recovery_codes"),
    path("second-factor/codes/new/", factors.NewRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"),
    path("second-factor/codes/download/", factors.DownloadRecoveryCodes.as_view(), name="mfa_download_recovery_codes"),
]

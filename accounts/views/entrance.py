"""Logging in and out."""

from django.contrib.auth import views as auth
from django.utils.decorators import method_decorator

from accounts.contracts import ANY_STAFF, public, requires


# `as_view` copies the attributes of `dispatch`, so a mark on it is a mark on the view.
@method_decorator(public, name="dispatch")
class Login(auth.LoginView):
    template_name = "accounts/login.html"


@method_decorator(requires(ANY_STAFF), name="dispatch")
class Logout(auth.LogoutView):
    pass

"""For what must not be done from a session that somebody left open."""

from allauth.account.decorators import reauthentication_required

# Leads to the password or the second factor first, unless one was given within five minutes, and back afterwards.
confirmed = reauthentication_required(app="accounts")

"""Who calls the API: a key acts as its service user, and may do only what its scopes name."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission

from accounts.queries import see_as
from accounts.services import find_api_key


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer att_<prefix>_<secret>`. A malformed, unknown or revoked key is 401, never anonymous."""

    def authenticate(self, request):
        header = get_authorization_header(request).split()
        if not header or header[0].lower() != b"bearer":
            return None
        if len(header) != 2:
            raise AuthenticationFailed("Send exactly one key: Authorization: Bearer att_…")
        key = find_api_key(header[1].decode("latin-1"))
        if key is None:
            raise AuthenticationFailed("This API key is not known or was revoked.")
        see_as(key.user.reach)
        return key.user, key

    def authenticate_header(self, request):
        return "Bearer"


class HasScope(BasePermission):
    """Denies by default: the view names its `scope`; a key must carry it, a member of staff the `capability` of the view."""

    def has_permission(self, request, view):
        scope = getattr(view, "scope", None)
        if scope is None or not request.user.is_authenticated:
            return False
        if request.auth is not None:
            return scope in request.auth.scopes
        capability = getattr(view, "capability", None)
        return capability is not None and request.user.can(capability)


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI file names the key."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "description": "An API key: Authorization: Bearer att_…"}

"""Cursor pages: stable while rows arrive, and no COUNT(*). Alone in its module, because settings name it."""

from rest_framework.pagination import CursorPagination


class Cursor(CursorPagination):
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    ordering = "-id"

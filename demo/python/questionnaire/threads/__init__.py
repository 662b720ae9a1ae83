"""The service with a thread for each client, on the standard library's `http.server`."""

from .bank import bank_case
from .buyer_seller import buyer_seller_case
from .duplicate_page import duplicate_page_case

__all__ = ["bank_case", "buyer_seller_case", "duplicate_page_case"]

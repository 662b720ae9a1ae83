"""The service on aiohttp."""

from .bank import bank_case
from .buyer_seller import buyer_seller_case
from .duplicate_page import duplicate_page_case
from .store import Store

__all__ = ["Store", "bank_case", "buyer_seller_case", "duplicate_page_case"]

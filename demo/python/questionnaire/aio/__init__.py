"""The service on aiohttp."""

from .buyer_seller import buyer_seller_case
from .duplicate_page import duplicate_page_case
from .store import Store

__all__ = ["Store", "buyer_seller_case", "duplicate_page_case"]

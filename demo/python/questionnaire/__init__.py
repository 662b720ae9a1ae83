"""A questionnaire service, without Latchwork and with it: for asyncio (`aio`) and for threads (`threads`)."""

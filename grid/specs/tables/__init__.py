"""Tables as files declare them."""

"""What the lab answers instead of doing what it was asked."""


class Refused(Exception):
    """An error of a service: its code, its text, its HTTP status."""

    def __init__(self, code, message, status=400):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

"""SSM parameters of the type aws:ec2:image: taken at once, checked and written later, or silently not."""

from .refusal import Refused


def put(call, asked, write):
    """PutParameter. `write` hands it to moto and gives the answer."""
    if asked.get("Overwrite") and asked.get("Tags"):
        text = "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag."
        raise Refused("ValidationException", text)
    if asked.get("DataType") != "aws:ec2:image":
        return write()
    image = call.region.images.get(asked.get("Value", ""))
    fit = image and (image.account == call.account or image.permissions) and image.ready <= call.lab.time()
    wait = call.lab.settings["parameter"]
    if fit and wait <= 0:
        return write()
    if fit:
        call.lab.after(wait, write)
    body = b'{"Tier":"Standard","Version":1}'
    return 200, [("Content-Type", "application/x-amz-json-1.1")], body

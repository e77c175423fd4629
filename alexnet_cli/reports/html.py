"""HTML pages that need no other file: rendered templates with embedded images."""

import base64
import io
from typing import Any

import jinja2
from PIL import Image

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("alexnet_cli.reports"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
)


def render(template: str, **values: Any) -> str:
    """The page that `template`, a file of `templates/`, makes of `values`, escaped."""
    return _TEMPLATES.get_template(template).render(values)


def data_uri(image: Image.Image, form: str = "JPEG") -> str:
    """`image` as a data: URI; `form` is JPEG, for photographs, or PNG."""
    out = io.BytesIO()
    image.save(out, form, quality=80)
    data = base64.b64encode(out.getvalue()).decode()
    return f"data:image/{form.lower()};base64,{data}"

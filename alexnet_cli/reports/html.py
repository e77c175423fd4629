"""Pages that need nothing beside them: their frame, and pictures as part of the text."""

import base64
import html
import io

from PIL import Image


def page(title: str, body: str) -> str:
    """A whole HTML document; `title` is text, `body` is HTML."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{safe(title)}</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>{safe(title)}</h1>{body}</html>\n"
    )


def safe(text: str) -> str:
    """`text` as HTML that shows it."""
    return html.escape(text, quote=True)


def picture(image: Image.Image, alt: str = "", form: str = "JPEG") -> str:
    """An <img> with its data; `form` is JPEG, for photos, or PNG."""
    out = io.BytesIO()
    image.save(out, form, quality=80)
    data = base64.b64encode(out.getvalue()).decode()
    return f"<img alt='{safe(alt)}' src='data:image/{form.lower()};base64,{data}'>"


_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em;
       padding: 0 1em; color: #1c1c1c; background: #fff }
h1 { font-size: 1.5em } h2 { font-size: 1.1em; margin: 2em 0 .6em }
table { border-collapse: collapse }
th { text-align: left; font-weight: 500; padding-right: 1.5em }
td { padding: .1em 1em .1em 0 } .bar { height: .8em; background: #4878b0 }
td.n { text-align: right; font-variant-numeric: tabular-nums }
.wrong, .fine { padding: .6em 1em; border-left: 5px solid #c0392b; background: #fbeeec }
.fine { border-color: #2e8b57; background: #edf7f1 }
.wide { overflow-x: auto } .wide img { max-width: 100% }
.cards { display: flex; flex-wrap: wrap; gap: 12px }
.card { border: 1px solid #ddd; border-radius: 6px; padding: 8px; max-width: 290px }
.card img { max-height: 128px; margin-right: 6px; vertical-align: top }
.name { font-size: 12px; overflow-wrap: anywhere; margin-top: 4px; color: #444 }
"""

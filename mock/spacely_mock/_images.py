"""Rooms drawn with Pillow (placeholder while the rest is joined)."""

from __future__ import annotations

import io


def draw(seed: str, caption: str) -> bytes:
    """A PNG of a room."""
    from PIL import Image

    image = Image.new("RGB", (768, 512), "white")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()

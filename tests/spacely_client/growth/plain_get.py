"""Operations that are no jobs: lists with and without an example, an array in the query, an answer without a body."""

import subprocess
import sys

import httpx
import pytest

from spacely_client import UNSET, InvalidRequest, Spacely
from spacely_client.models import Charge, ListStylesTagsItem, Style
from spacely_mock import MockServer
from spacely_spec import load

with MockServer(load(sys.argv[1])) as server, Spacely(api_key="sk-1", base_url=server.url) as client:
    styles = client.list_styles(limit=2, tags=["warm", ListStylesTagsItem.BRIGHT])
    assert styles
    assert all(isinstance(style, Style) for style in styles)
    assert client.list_styles(pages=[1, 2])
    query = httpx.get(f"{server.origin}/__mock__/requests").json()["requests"][-1]["query"]
    assert query == {"pages": ["1,2"]}, "a list that is not exploded is one text"
    charges = client.list_charges()
    assert all(isinstance(charge, Charge) for charge in charges)
    folder = client.create_folder(name="home", passphrase="p", shelf={"room": "hall"})
    assert folder.folder_id, "what only an answer has is in it"
    assert folder.passphrase is UNSET, "what only a request has is not"
    with pytest.raises(TypeError, match="folder_id"):
        client.create_folder(name="home", passphrase="p", folder_id="mine")
    with pytest.raises(TypeError, match="passphrase"):
        client.create_folder(name="home")
    assert client.delete_upload(upload_id="u_1") is None
    for wrong in ({"limit": 0}, {"tags": ["loud"]}, {"limit": "2"}):
        with pytest.raises(InvalidRequest):
            client.list_styles(**wrong)
    command = [
        sys.executable,
        "-m",
        "spacely_client",
        "list-styles",
        "--limit",
        "2",
        "--tags",
        "warm",
        "--tags",
        "cold",
    ]
    done = subprocess.run(
        command,
        env={"SPACELY_API_KEY": "sk-1", "SPACELY_BASE_URL": server.url, "PYTHONPATH": sys.path[1]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("["), done.stdout

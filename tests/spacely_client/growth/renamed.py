"""Another field name, one more required field, another key header, base path and status words."""

import sys

from spacely_client import Spacely
from spacely_mock import MockServer
from spacely_spec import load

spec = load(sys.argv[1])
with (
    MockServer(spec, render_time=0.2) as server,
    Spacely(api_key="tok_1", base_url=server.url, poll_interval=0.05) as client,
):
    assert server.url.endswith(spec.base_path)
    job = client.generate_advance(
        model="m", photo_url="https://x.test/1.jpg", renovate_type="residential", project_name="home"
    )
    states = [update.state for update in job.updates()]
    assert (states[0], states[-1]) == ("running", "succeeded"), states

"""The pytest plugin, in sessions of pytest of its own."""

import subprocess
import sys
import textwrap

import pytest
from tests.spacely_mock.helpers import CONTRACT

HEAD = """
import asyncio, os, threading, time
import httpx, pytest, requests
from spacely_client import AsyncSpacely, Spacely
ROOM = {"model": "spacely-v1", "image_url": "https://example.com/a.jpg", "renovate_type": "residential"}
BODY = {"model": "spacely-v1", "imageUrl": "https://example.com/a.jpg", "renovateType": "residential"}
"""


@pytest.fixture
def session(tmp_path):
    """Runs tests in a session of their own: gives its exit status and what it printed."""

    def run(code, *options, ini=""):
        (tmp_path / "test_it.py").write_text(HEAD + textwrap.dedent(code))
        (tmp_path / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{ini}")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout + done.stderr

    return run


def test_any_client_is_served_and_its_requests_are_seen(session):
    status, said = session("""
        def test_the_environment_leads_the_client_here(spacely_mock):
            with Spacely() as client:
                job = client.generate_advance(**ROOM)
                assert job.poll().data.status == "processing"
                spacely_mock.advance(2)
                assert job.poll().data.status == "success"
            assert spacely_mock.count("generate_advance") == spacely_mock.count("generateAdvance") == 1
            assert [each["status"] for each in spacely_mock.requests("poll_result")] == [200, 200]
            assert spacely_mock.count(method="POST") == 1
            assert spacely_mock.spec.operations[0].id == "generateAdvance"

        def test_requests(spacely_mock):
            headers = {"X-API-KEY": spacely_mock.api_key}
            assert requests.post(spacely_mock.url + "/generate/advance", json=BODY, headers=headers).ok
            assert spacely_mock.count() == 1

        def test_httpx_in_process(spacely_mock):
            options = {"base_url": spacely_mock.url, "headers": {"X-API-KEY": spacely_mock.api_key}}
            with httpx.Client(transport=spacely_mock.transport(), **options) as client:
                assert client.post("/generate/advance", json=BODY).status_code == 200
            async def asynchronously():
                async with httpx.AsyncClient(transport=spacely_mock.transport(), **options) as client:
                    return await asyncio.gather(*[client.post("/generate/advance", json=BODY) for _ in range(20)])
            assert {each.status_code for each in asyncio.run(asynchronously())} == {200}
            assert spacely_mock.count("generateAdvance", status=200) == 21

        def test_the_environment_is_put_back():
            assert "SPACELY_API_KEY" not in os.environ
    """)
    assert status == 0, said


def test_waits_and_promises_are_kept_or_fail_with_what_came_near(session):
    status, said = session("""
        def submit(mock, body=BODY):
            headers = {"X-API-KEY": mock.api_key}
            return httpx.post(mock.url + "/generate/advance", json=body, headers=headers)

        def test_wait(spacely_mock):
            later = threading.Timer(0.2, submit, [spacely_mock])
            later.start()
            assert spacely_mock.wait_for("generate_advance")[0]["status"] is not None
            later.join()

        def test_kept(spacely_mock):
            spacely_mock.expect("generate_advance", times=2)
            spacely_mock.expect("poll_result", times=0)
            submit(spacely_mock), submit(spacely_mock)

        def test_wait_in_vain(spacely_mock):
            submit(spacely_mock, {})
            with pytest.raises(AssertionError, match="2 requests were to match operation=generateAdvance, 1 did"):
                spacely_mock.wait_for("generate_advance", times=2, timeout=0.1)
            with pytest.raises(AssertionError, match="came near"):
                spacely_mock.wait_for("generate_advance", status=200, timeout=0)

        def test_reset(spacely_mock):
            submit(spacely_mock)
            spacely_mock.expect(times=7)
            spacely_mock.reset()
            assert spacely_mock.requests() == []

        def test_unknown(spacely_mock):
            with pytest.raises(ValueError, match="it has generateAdvance, pollResult"):
                spacely_mock.count("nothing")
            with pytest.raises(ValueError, match="operation has no such query parameter"):
                spacely_mock.count(colour="red")

        def test_broken_promise(spacely_mock):
            spacely_mock.expect("generate_advance", times=2)
            submit(spacely_mock)

        def test_promise_of_nothing(spacely_mock):
            spacely_mock.expect("generate_advance", times=0)
            submit(spacely_mock)
    """)
    assert status == 1
    assert "7 passed, 2 errors" in said
    assert "2 requests were to match operation=generateAdvance, 1 did" in said
    assert "0 requests were to match operation=generateAdvance, 1 did" in said
    assert "test_broken_promise" in said


def test_answers_go_wrong_as_they_are_told_for_this_test_alone(session):
    status, said = session("""
        def client(mock, **options):
            return httpx.Client(base_url=mock.url, headers={"X-API-KEY": mock.api_key}, **options)

        @pytest.mark.parametrize("in_process", [True, False])
        def test_it(spacely_mock, spacely_mock_server, in_process):
            from spacely_mock import Mock
            other = Mock(spacely_mock_server)
            options = {"transport": spacely_mock.transport()} if in_process else {}
            with client(spacely_mock, **options) as http, client(other) as bystander:
                def submit(http=http):
                    return http.post("/generate/advance", json=BODY)
                def poll(job):
                    return http.get("/generate/poll-result", params={"refId": job.json()["data"]}).json()["data"]
                spacely_mock.fail_next("generate_advance", times=2, status=503, retry_after=3)
                assert submit(bystander).status_code == 200
                first, second, third = submit(), submit(), submit()
                assert [each.status_code for each in (first, second, third)] == [503, 503, 200]
                assert first.headers["retry-after"] == "3"
                spacely_mock.outcome("failure", times=1)
                failing, fine = submit(), submit()
                spacely_mock.advance(3)
                assert [poll(failing)["status"], poll(fine)["status"]] == ["failed", "success"]
                spacely_mock.rule({"status": 418}, when={"body": {"$.prompt": "tea"}})
                assert http.post("/generate/advance", json={**BODY, "prompt": "tea"}).status_code == 418
                assert submit().status_code == 200
                with pytest.raises(ValueError, match="nonsense"):
                    spacely_mock.rule({"nonsense": 1})
                spacely_mock.fail_next()
                spacely_mock.reset()
                assert submit().status_code == 200
            other.close()

        def test_nothing_is_left_for_the_next(spacely_mock):
            with client(spacely_mock) as http:
                assert http.post("/generate/advance", json={**BODY, "prompt": "tea"}).status_code == 200
    """)
    assert status == 0, said


def test_tests_that_run_beside_each_other_see_only_themselves(session):
    status, said = session(
        """
        @pytest.mark.parametrize("number", range(1, 9))
        def test_alone(spacely_mock, number):
            headers = {"X-API-KEY": spacely_mock.api_key}
            for _ in range(number):
                httpx.post(spacely_mock.url + "/generate/advance", json=BODY, headers=headers)
            assert spacely_mock.count() == number

        def test_two_namespaces_of_one_server(spacely_mock, spacely_mock_server):
            from spacely_mock import Mock
            other = Mock(spacely_mock_server)
            httpx.post(other.url + "/generate/advance", json=BODY, headers={"X-API-KEY": other.api_key})
            assert (other.count(), spacely_mock.count()) == (1, 0)
            assert other.api_key != spacely_mock.api_key
            other.close()
        """,
        "-n",
        "2",
    )
    assert (status, "9 passed" in said) == (0, True), said


@pytest.mark.parametrize("way", ["option", "ini"])
def test_the_contract_may_be_another(session, tmp_path, way):
    text = CONTRACT.read_text().replace("x-sdk-name: Spacely", "x-sdk-name: RoomRenders").replace("^sk-", "^rr_")
    (tmp_path / "mine.yaml").write_text(text)
    code = """
        def test_it(spacely_mock):
            assert spacely_mock.api_key.startswith("rr_")
            assert os.environ["ROOM_RENDERS_BASE_URL"] == spacely_mock.url
            assert os.environ["ROOM_RENDERS_API_KEY"] == spacely_mock.api_key
    """
    options = ["--mock-spec", str(tmp_path / "mine.yaml")] if way == "option" else []
    status, said = session(code, *options, ini="mock_spec = mine.yaml\n" if way == "ini" else "")
    assert status == 0, said


def test_the_plugin_costs_next_to_nothing_until_it_is_used_and_can_be_turned_off(session):
    code = """
        import sys
        def test_it():
            assert not {"connexion", "uvicorn", "starlette", "yaml", "jsonschema_rs", "PIL"} & {*sys.modules} - BEFORE
    """
    before = "\nimport sys\nBEFORE = set()\n"
    # The client's imports above are not the plugin's.
    status, said = session(before + "BEFORE.update({'jsonschema_rs'})\n" + textwrap.dedent(code))
    assert status == 0, said
    status, said = session("def test_it(spacely_mock): pass", "-p", "no:spacely_mock")
    assert "fixture 'spacely_mock' not found" in said


def test_without_the_extra_the_plugin_loads_and_the_fixture_names_the_remedy(session, tmp_path):
    blocked = "import sys\nfor name in ('uvicorn', 'yaml', 'connexion', 'starlette'):\n    sys.modules[name] = None\n"
    (tmp_path / "conftest.py").write_text(blocked)
    status, said = session("""
        def test_that_needs_it(spacely_mock): pass
        def test_that_does_not(): pass
    """)
    assert status == 1
    assert "1 passed, 1 error" in said
    assert "pip install 'spacely-client[mock]'" in said

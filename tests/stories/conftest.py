import pytest

from tests.stories.stage import stage


@pytest.fixture
async def story(tmp_path):
    """The usual house: actions are live, alice and bob may approve, but not what they asked for themselves."""
    async with stage(tmp_path) as told:
        yield told

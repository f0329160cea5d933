import pytest

from tests.stories.stage import story as curtain


@pytest.fixture
async def story(tmp_path):
    """The usual house: actions are live, alice and bob may approve, but not what they asked for themselves."""
    async with curtain(tmp_path) as told:
        yield told

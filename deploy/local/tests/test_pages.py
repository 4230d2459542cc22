import pytest

from opside_local.journey.errors import JourneyFailed
from opside_local.journey.pages import Page

CONSENT = """
<form action="/search"><input name="q"></form>
<form method="post" action="?again=1">
  <input type="hidden" name="state" value="s&amp;1">
  <select name="persona"><option value="ada">Ada</option><option value="ben" selected>Ben</option></select>
  <input type="radio" name="scope" value="profile" checked><input type="radio" name="scope" value="all">
  <textarea name="note"></textarea>
  <button name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button>
</form>
<input name="outside" value="1">
"""
PAGE = Page("http://127.0.0.1:1/ap/oa?x=1", 200, CONSENT)


def test_a_form_is_read_as_a_browser_would_send_it():
    form = PAGE.form(offering="decision")
    assert form.method == "post"
    assert form.action == "http://127.0.0.1:1/ap/oa?again=1"
    assert form.fields == {"state": "s&1", "persona": "ben", "scope": "profile", "note": ""}
    assert form.choices["persona"] == ["ada", "ben"]
    assert form.choices["decision"] == ["allow", "deny"]


def test_without_a_wish_the_first_form_is_taken():
    assert PAGE.form().fields == {"q": ""}


def test_a_page_without_the_form_says_so():
    with pytest.raises(JourneyFailed, match="shows no such form"):
        PAGE.form(offering="password")

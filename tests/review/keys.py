"""Goes through a page with the keyboard alone, in a browser without a screen, and prints what it met as JSON.

usage: keys.py PAGE TABS SCREENSHOT

Each stop of Tab is an object: `tag`, `name` (what a screen reader says), `seen` (whether it is in view and outlined),
`opens` (Enter on a summary folds it and unfolds it again; Enter on a link leads to the part that it names).
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile


class Browser:
    """Chromium, spoken to over its debugging pipe: messages in JSON, each with a NUL behind it."""

    def __init__(self, profile):
        theirs_in, self.out = os.pipe()
        self.back, theirs_out = os.pipe()
        # The browser reads from descriptor 3 and writes to 4.
        start = f"exec chromium --headless --no-sandbox --disable-gpu --remote-debugging-pipe --user-data-dir={profile} " \
                f"3<&{theirs_in} 4>&{theirs_out}"
        self.process = subprocess.Popen(["bash", "-c", start], pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.count, self.session, self.rest = 0, None, b""

    def call(self, method, **params):
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def read(self):
        while b"\0" not in self.rest:
            more = os.read(self.back, 1 << 20)
            if not more:
                raise RuntimeError("the browser has ended")
            self.rest += more
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def open(self, page):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=1200, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=pathlib.Path(page).resolve().as_uri())
        while self.read().get("method") != "Page.loadEventFired":
            pass

    def key(self, name, code, text=""):
        common = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def value(self, script):
        return self.call("Runtime.evaluate", expression=f"(() => {{ {script} }})()", returnByValue=True)["result"].get("value")


HERE = """
  const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
  return { tag: at.tagName.toLowerCase(), name: at.getAttribute('aria-label') || at.textContent,
           href: at.getAttribute('href'), folded: at.parentElement && at.parentElement.open === false,
           seen: box.bottom > 0 && box.top < innerHeight && style.outlineStyle !== 'none' };
"""


def main():
    page, tabs, screenshot = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            browser.open(page)
            stops = []
            for _ in range(tabs):
                browser.key("Tab", 9)
                stop = browser.value(HERE)
                if stop["tag"] == "body":
                    break
                if stop["tag"] == "summary":
                    browser.key("Enter", 13, "\r")
                    closed = browser.value(HERE)["folded"]
                    browser.key("Enter", 13, "\r")
                    stop["opens"] = closed and not browser.value(HERE)["folded"]
                stops.append(stop)
            # Last of all, since it moves the place from which Tab goes on.
            first = next(stop for stop in stops if stop["tag"] == "a")
            browser.value(f"document.querySelector('a[href=\"{first['href']}\"]').focus()")
            browser.key("Enter", 13, "\r")
            leads = browser.value("const at = document.querySelector(':target'); return at && '#' + at.id")
            for scheme in ("light", "dark"):
                browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
                shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
                pathlib.Path(f"{screenshot}-{scheme}.png").write_bytes(base64.b64decode(shot))
            print(json.dumps({"stops": stops, "leads": leads == first["href"]}))
        finally:
            browser.process.terminate()
            browser.process.wait()


main()

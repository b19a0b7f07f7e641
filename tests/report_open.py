"""Opens a page in headless Chromium, and tells what it drew, said and asked for."""

import json
import sys

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

options = Options()
options.binary_location = sys.argv[2]
for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,2000"):
    options.add_argument(argument)
options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
driver = webdriver.Chrome(options=options, service=Service(sys.argv[3]))
try:
    driver.get("file://" + sys.argv[1])
    drawn = driver.execute_script("""
        const boxes = [...document.querySelectorAll('figure svg')].map(svg => {
            const lines = [...svg.querySelectorAll('polyline, path, line')].map(one => one.getTotalLength());
            const box = svg.getBoundingClientRect();
            return { width: box.width, height: box.height, longest: Math.max(...lines), lines: lines.length,
                     dashed: [...svg.querySelectorAll('*')].length };
        });
        return { boxes, scripts: document.scripts.length, images: document.images.length,
                 frames: document.querySelectorAll('iframe, object, embed').length,
                 handlers: [...document.querySelectorAll('*')].filter(one => [...one.attributes].some(a => a.name.startsWith('on'))).length,
                 owned: typeof window.owned, title: document.title, text: document.body.innerText,
                 wide: document.documentElement.scrollWidth > document.documentElement.clientWidth };
    """)
    asked = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"])
    said = [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    print(json.dumps({"drawn": drawn, "asked": asked, "said": said}))
finally:
    driver.quit()

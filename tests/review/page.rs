//! The page of a plan, looked at in a browser without a screen (Debian's `chromium`).

use std::fs;
use std::path::Path;
use std::process::Command;

use super::project::{Project, module, text};

const HOSTILE: &str = "</pre><script>document.title='taken'</script><img src=x onerror=document.title='taken'>";

fn page() -> Project {
    let project = Project::copy(&module());
    project.change(
        "web.bake.hcl",
        "architecture =",
        &format!("description = {HOSTILE:?}\n  architecture ="),
    );
    project.out(0, &["plan", "-out", "p"]);
    let html = project.out(0, &["show", "-format", "html", "p"]);
    project.write("page.html", &html);
    project
}

/// Chromium on the page; the arguments say what it is to do.
fn chromium(project: &Project, more: &[&str]) -> String {
    let url = format!("file://{}", project.path().join("page.html").display());
    let mut browser = Command::new("chromium");
    browser.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--window-size=1000,700",
    ]);
    browser.arg(format!("--user-data-dir={}", project.path().join("profile").display()));
    let output = browser.args(more).arg(url).output().expect("chromium is installed");
    assert!(output.status.success(), "{}", text(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_page_needs_nothing_and_runs_nothing() {
    let project = page();
    let html = fs::read_to_string(project.path().join("page.html")).expect("it was written");
    for word in ["<script", "<link", "<img", "http://", "https://", "url(", "@import"] {
        assert!(!html.contains(word), "{word}");
    }
    let dom = chromium(&project, &["--dump-dom"]);
    assert!(dom.contains("<title>1 to build") && !dom.contains("<img"), "{dom}");
    let (link, target) = (
        "href=\"#image-image-2e-web\"",
        "<details open=\"\" id=\"image-image-2e-web\">",
    );
    assert!(
        dom.contains(link) && dom.contains(target),
        "a lane leads to its image: {dom}"
    );
    assert_eq!(
        dom.matches("<summary>").count(),
        1,
        "each image can be folded by keyboard"
    );
}

#[test]
fn the_page_is_light_or_dark_as_the_reader_has_it() {
    let project = page();
    let shot = |name: &str, more: &[&str]| {
        let path = project.path().join(name);
        let to = format!("--screenshot={}", path.display());
        chromium(&project, &[&[to.as_str()], more].concat());
        corner(&path)
    };
    let light = shot("light.png", &[]);
    let dark = shot("dark.png", &["--blink-settings=preferredColorScheme=0"]);
    assert_eq!(light, [0xff, 0xff, 0xff], "light");
    assert_eq!(dark, [0x14, 0x17, 0x1b], "dark");
}

/// The colour of the first point of a picture, as ImageMagick-free a way as there is: Python's zlib.
fn corner(png: &Path) -> [u8; 3] {
    let script = "import sys,zlib,struct\nd=open(sys.argv[1],'rb').read();i=8;z=b''\n\
                  while i<len(d):\n n,=struct.unpack('>I',d[i:i+4])\n if d[i+4:i+8]==b'IDAT': z+=d[i+8:i+8+n]\n i+=12+n\n\
                  r=zlib.decompress(z);print(r[1],r[2],r[3])";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(png)
        .output()
        .expect("python3 starts");
    let said = text(&output.stdout);
    let colours: Vec<u8> = said
        .split_whitespace()
        .map(|number| number.parse().expect("a number"))
        .collect();
    colours.try_into().expect("three colours")
}

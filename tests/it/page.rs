//! `--format html` in a browser: it filters, opens, reacts to keys, loads nothing, and no text does any harm.

use std::sync::Arc;

use dixaform::plan::file_v1;
use dixaform::render::html;
use serde_json::{Value, json};

use crate::support::Workspace;
use crate::support::browser::{Browser, DESKTOP, DOWN, ENTER, ESCAPE, PHONE, WITHOUT_SCRIPTS};
use crate::support::manifests::{LEGACY, ORDER, SMS, email};

/// The names of the items that are shown, in order, with a `*` behind those that are open.
const SHOWN: &str = r#"return [...document.querySelectorAll(".item")].filter((item) => item.checkVisibility())
    .map((item) => item.querySelector("summary b").textContent + (item.open ? "*" : ""))"#;

/// A plan with a blocked replacement, a message to a customer, an import and new conversations, in two folders.
fn pending() -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(0);
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    workspace.write("manifests/more/legacy.yaml", format!("{LEGACY}---\n{SMS}---\n{}", email("late")));
    workspace
}

/// The plan of a workspace as a page that is open.
fn open(workspace: &Workspace, browser: &Browser) {
    let _ = workspace.run("plan --format html=plan.html").exit(0);
    browser.open(&workspace.path("plan.html"));
}

fn shown(browser: &Browser) -> Vec<String> {
    let names = browser.run(SHOWN);
    names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Nothing was requested, nothing was refused or went wrong, and no dialog is open.
#[track_caller]
fn is_quiet(browser: &Browser) {
    assert!(!browser.has_dialog());
    assert_eq!(browser.console(), [""; 0]);
    let resources = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)");
    assert_eq!(resources, json!([]));
}

#[test]
fn a_page_filters_by_text_action_label_and_folder_and_keeps_it_in_its_address() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let workspace = pending();
    open(&workspace, &browser);
    assert_eq!(shown(&browser), ["late", "order", "pickup", "legacy"]);
    let count = || browser.run("return document.getElementById('count').textContent");
    let after = |selector: &str| {
        browser.click(selector);
        shown(&browser)
    };
    assert_eq!(after(".toggle[data-word=create]"), ["late", "pickup"]);
    assert_eq!(after(".toggle[data-word=import]"), ["late", "pickup", "legacy"]);
    assert_eq!(after(".toggle[data-word=customer]"), ["pickup"]);
    assert_eq!(count(), "1 of 4 changes");
    assert_eq!(after("#clear"), ["late", "order", "pickup", "legacy"]);
    assert_eq!(after(".toggle[data-word=blocked]"), ["order"]);
    assert_eq!(after(".toggle[data-word=customer]"), [""; 0]);
    assert_eq!(browser.run("return document.getElementById('none').checkVisibility()"), true);
    let _ = after("#clear");
    assert_eq!(after("button.folder[data-folder='1']"), ["late", "pickup", "legacy"]);
    assert_eq!(after("button.folder[data-folder='1']"), ["late", "order", "pickup", "legacy"]);
    // What a customer writes, what has been escaped in the page, the file, and several words.
    for (words, found) in [
        ("IS ANYBODY THERE?", &["legacy"][..]),
        ("\"ORDER #123\"", &["order"]),
        ("more/legacy.yaml your tent", &["pickup"]),
        ("&quot;", &[]),
    ] {
        browser.press("/");
        browser.press(words);
        assert_eq!(shown(&browser), found, "{words}");
        browser.press(ESCAPE);
    }
    let _ = after(".toggle[data-word=irreversible]");
    browser.press("/late");
    std::thread::sleep(std::time::Duration::from_millis(400));
    let hash = browser.run("return location.hash");
    assert_eq!(hash, "#q=late&label=irreversible");
    browser.open_at(&workspace.path("plan.html"), "#q=your+tent&kind=create%2Cimport&folder=manifests%2Fmore");
    assert_eq!(shown(&browser), ["pickup"]);
    is_quiet(&browser);
}

#[test]
fn a_page_obeys_keys() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    open(&pending(), &browser);
    let focus = || browser.run("return document.activeElement.closest('.item')?.querySelector('b').textContent");
    let after = |keys: &str| {
        browser.press(keys);
        shown(&browser)
    };
    assert_eq!(after("j"), ["late", "order", "pickup", "legacy"]);
    assert_eq!(focus(), "late");
    assert_eq!(after(&format!("j{DOWN}k{ENTER}")), ["late", "order*", "pickup", "legacy"]);
    assert_eq!(focus(), "order");
    let words =
        browser.run("return [...document.querySelectorAll('.item[open] mark')].map((mark) => mark.textContent)");
    assert_eq!(words, json!(["123", "124"]));
    assert_eq!(after("o"), ["late", "order", "pickup", "legacy"]);
    assert_eq!(after("e"), ["late*", "order*", "pickup*", "legacy*"]);
    assert_eq!(browser.run("return document.querySelectorAll('.item .diff').length"), 4);
    assert_eq!(after("c"), ["late", "order", "pickup", "legacy"]);
    assert_eq!(after("/your tent"), ["pickup"]);
    assert_eq!(after(&format!("{ENTER}o")), ["pickup*"]);
    assert_eq!(after(ESCAPE), ["late", "order", "pickup*", "legacy"]);
    browser.press("?");
    let is_open = || browser.run("return document.getElementById('help').open");
    assert_eq!(is_open(), true);
    browser.press(ESCAPE);
    assert_eq!(is_open(), false);
    browser.click("#keys");
    browser.click("#help button");
    assert_eq!(is_open(), false);
    is_quiet(&browser);
}

const HOSTILE: &str = "</details></noscript></template></textarea></script><script>alert(1)</script><img src=x \
                       onerror=alert(2)><svg/onload=alert(3)> ]]> --> ' ` ${alert(4)} &lt;b&gt; {{5}} \\e[31m \\u202e \
                       \\u2066 \\u200b <base href=http://127.0.0.1:9/> <style>*{display:none}</style> <a \
                       href=javascript:alert(6)>x</a>";

/// A manifest whose texts and file are hostile, and one with a word that has no end.
fn hostile() -> Workspace {
    let long = "W".repeat(5_000);
    let texts = email("hostile").replace("about hostile", &format!("\"{HOSTILE}\""));
    let texts = texts.replace("value: Hello", &format!("value: \"{HOSTILE}\\n{HOSTILE}\""));
    let endless = email("endless").replace("about endless", &long).replace("Hello", &format!("\"{long}\\n{long}\""));
    Workspace::fast().file("manifests/<img src=x onerror=alert(7)> & \"'/a.yaml", &format!("{texts}---\n{endless}"))
}

#[test]
fn hostile_text_does_no_harm_in_a_browser() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let workspace = hostile();
    open(&workspace, &browser);
    browser.press("e");
    assert_eq!(shown(&browser), ["endless*", "hostile*"]);
    let strange = "return document.querySelectorAll('img, base, a, textarea, iframe, object, embed, link, foreignObject, \
                   script:not(body > script), style:not(head > style), noscript, [onerror], [onload], [href], [src]')\
                   .length";
    assert_eq!(browser.run(strange), 0);
    let body = browser.run("return document.querySelectorAll('.item')[1].textContent").to_string();
    assert!(body.contains("</script><script>alert(1)</script>") && body.contains("&lt;b&gt;"), "{body}");
    assert!(body.contains("\\\\u{202e}") && !body.contains('\u{202e}'), "{body}");
    browser.press("/<script>alert");
    assert_eq!(shown(&browser), ["hostile*"]);
    is_quiet(&browser);
    // The policy still protects if an escape is ever missing.
    let injected = "const script = document.createElement('script'); script.textContent = 'window.harm = 1'; \
                    document.body.append(script); document.body.setAttribute('onclick', 'window.harm = 2'); \
                    document.body.click(); return window.harm ?? null";
    assert_eq!(browser.run(injected), Value::Null);
}

#[test]
fn a_phone_needs_no_sideways_scrolling() {
    let Some(browser) = Browser::start(PHONE) else { return };
    let wide = "return [...document.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > 391)\
                .map((one) => one.outerHTML.slice(0, 99))";
    for workspace in [pending(), hostile()] {
        open(&workspace, &browser);
        assert_eq!(browser.run("return innerWidth"), 390);
        browser.click("#expand");
        assert_eq!(browser.run(wide), json!([]));
        assert_eq!(browser.run("return document.documentElement.scrollWidth"), 390);
    }
    is_quiet(&browser);
}

#[test]
fn a_page_can_be_read_without_scripts() {
    let Some(browser) = Browser::start(WITHOUT_SCRIPTS) else { return };
    open(&pending(), &browser);
    assert_eq!(browser.run("return document.querySelectorAll('.item > noscript .diff').length"), 4);
    assert_eq!(browser.run("return document.getElementById('controls').checkVisibility()"), false);
    let is_seen = || browser.run("return document.querySelectorAll('.diff')[1].checkVisibility()");
    assert_eq!(is_seen(), false);
    let _ = browser.run("document.querySelectorAll('.item')[1].open = true");
    assert_eq!(is_seen(), true);
}

#[test]
fn findings_filter_too() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let same = email("late").replace("about late", "about early").replace("name: late", "name: twin");
    let workspace = Workspace::new()
        .file("manifests/a.yaml", &format!("{}---\n{same}", email("early")))
        .file("manifests/b.yaml", &ORDER.replace("language: en", "langauge: en"));
    let _ = workspace.run("validate --format html=findings.html").exit(1);
    browser.open(&workspace.path("findings.html"));
    let codes = || {
        browser.run(
            "return [...document.querySelectorAll('.item')].filter((item) => item.checkVisibility())\
             .map((item) => item.querySelector('.tags').textContent)",
        )
    };
    assert_eq!(codes(), json!(["same-body", "unknown-member"]));
    browser.click(".toggle[data-word=error]");
    assert_eq!(codes(), json!(["unknown-member"]));
    assert_eq!(browser.run("return document.querySelector('.is-error mark').textContent"), "langauge");
    is_quiet(&browser);
}

#[test]
fn the_price_is_shown_over_time_and_by_folder_and_label() {
    for look in [DESKTOP, PHONE] {
        let Some(browser) = Browser::start(look) else { return };
        let workspace = pending();
        workspace.write(
            "manifests/jane.yaml",
            "apiVersion: dixaform/v1\nkind: EndUser\nmetadata: {name: jane, labels: \
                        {wave: \"1\"}}\nspec: {displayName: Jane}\n",
        );
        open(&workspace, &browser);
        let phases = "return [...document.querySelectorAll('.timeline li')].map((one) => \
                      one.querySelector('.name').textContent)";
        let names = json!(["Reads before the first write", "End users", "Conversations", "Settings of conversations"]);
        assert_eq!(browser.run(phases), names);
        // Bars begin where others end, and none leaves its row.
        let bars = "return [...document.querySelectorAll('.timeline rect')].every((one) => one.x.baseVal.value >= 0 && \
                    one.x.baseVal.value + one.width.baseVal.value <= 1000.1)";
        assert_eq!(browser.run(bars), true);
        let seen = || browser.run("return document.querySelector('.breakdown table').checkVisibility()");
        assert_eq!(seen(), false);
        browser.run("document.querySelector('.breakdown summary').focus()");
        browser.press(ENTER);
        assert_eq!(seen(), true);
        let cell = |table: usize, row: &str, column: &str| {
            let script = format!(
                "const row = [...document.querySelectorAll('.breakdown table')[{table}].querySelectorAll('tbody tr')]\
                 .find((row) => row.querySelector('th').textContent === '{row}');\
                 return row.querySelector(`[data-column='{column}']`).textContent"
            );
            browser.run(&script)
        };
        assert_eq!((cell(0, "manifests", "changes"), cell(0, "manifests/more", "changes")), (json!("2"), json!("3")));
        assert_eq!((cell(1, "wave=1", "changes"), cell(1, "wave=1", "blocked")), (json!("2"), json!("1")));
        assert_eq!(cell(1, "(no label)", "reaches a customer"), "1");
        let sideways = "return document.documentElement.scrollWidth > innerWidth";
        assert_eq!(browser.run(sideways), false);
        is_quiet(&browser);
    }
}

/// The least contrast of texts with what is behind them, and the text that has it.
const CONTRAST: &str = r#"
const channel = (value) => { value /= 255; return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4 };
const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
        const [r, g, b, a = 1] = parts(getComputedStyle(at).backgroundColor);
        if (a > 0) return [r, g, b];
    }
    return [255, 255, 255];
};
let least = [99, ""];
for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !one.checkVisibility() || ["SCRIPT", "STYLE", "NOSCRIPT", "OPTION"].includes(one.tagName)) continue;
    const [front, back] = [light(parts(getComputedStyle(one).color)), light(ground(one))].sort((a, b) => b - a);
    const ratio = (front + 0.05) / (back + 0.05);
    if (ratio < least[0]) least = [ratio, `${one.tagName}.${one.className}: ${one.textContent.slice(0, 40)}`];
}
return least;"#;

#[test]
fn every_text_can_be_read_in_the_light_and_in_the_dark() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    open(&pending(), &browser);
    browser.press("e");
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true })");
    for scheme in ["light", "dark"] {
        browser.prefers(scheme);
        // Colours change smoothly.
        std::thread::sleep(std::time::Duration::from_millis(300));
        let least = browser.run(CONTRAST);
        // WCAG 2.2, 1.4.3: https://www.w3.org/TR/WCAG22/#contrast-minimum
        assert!(least[0].as_f64().unwrap() >= 4.5, "{scheme}: {least}");
    }
}

/// A program in the place of the system's opener, which keeps the name of what it was given; where it is.
#[cfg(unix)]
fn opener(workspace: &Workspace, exit: u8) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    for name in ["xdg-open", "open"] {
        let file = format!("bin/{name}");
        workspace
            .write(&file, format!("#!/bin/sh\necho \"$1\" > '{}'\nexit {exit}\n", workspace.path("opened").display()));
        std::fs::set_permissions(workspace.path(&file), std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    workspace.path("bin").to_str().unwrap().to_owned()
}

#[cfg(unix)]
#[test]
fn open_writes_a_private_page_and_gives_it_to_the_opener_of_the_system() {
    use std::os::unix::fs::PermissionsExt as _;
    let workspace = pending();
    let _ = workspace.run("plan --out saved.plan").exit(0);
    let bin = opener(&workspace, 0);
    for line in ["plan --open", "show saved.plan --open", "plan --open --format json"] {
        let output =
            workspace.command().args(line.split(' ')).env("PATH", &bin).env("TMPDIR", workspace.path("")).output();
        let output = output.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{line}: {stderr}");
        let page = workspace.read("opened").trim().to_owned();
        assert!(stderr.contains(&format!("The plan is open in a browser: {page}\n")), "{line}: {stderr}");
        let mode = std::fs::metadata(&page).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let shown = workspace.run("show saved.plan --format html").exit(0).stdout;
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text == shown && text.starts_with("<!DOCTYPE html>"), "{line}");
        assert!(!output.stdout.is_empty(), "the plan is on standard output too");
    }
    let _ = workspace.run("show --open").exit(64).warns("dixaform show PLANFILE --open");
}

#[cfg(unix)]
#[test]
fn where_nothing_opens_a_page_the_error_has_its_path() {
    let workspace = pending();
    // None is there, and one that fails.
    let failing = opener(&workspace, 3);
    for path in [workspace.path("nothing").to_str().unwrap(), &failing] {
        let mut command = workspace.command();
        let output = command.args(["plan", "--open"]).env("PATH", path).env("TMPDIR", workspace.path("")).output();
        let output = output.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        let (_, rest) = stderr.split_once("error: nothing on this machine can open the page ").expect(&stderr);
        let page = rest.lines().next().unwrap();
        assert!(std::fs::read_to_string(page).unwrap().starts_with("<!DOCTYPE html>"));
        assert!(String::from_utf8(output.stdout).unwrap().contains("\nPlan: "), "the plan is shown all the same");
    }
}

#[test]
fn ten_thousand_changes_open_and_filter() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let workspace = pending();
    let mut plan = file_v1::read(&workspace.run("plan --format json").exit(0).stdout).unwrap();
    let few = std::mem::take(&mut plan.changes);
    plan.summary = dixaform::plan::Summary::default();
    for index in 0..10_000_usize {
        let mut change = few[index % few.len()].clone();
        change.address = format!("{}.c{index:05}", change.address.kind.word()).parse().unwrap();
        if let Some(source) = &mut change.source {
            source.file = Arc::from(format!("manifests/{:02}/{index}.yaml", index / 500));
        }
        plan.summary.add(&change);
        plan.changes.push(change);
    }
    workspace.write("plan.html", html::plan(&plan));
    browser.open(&workspace.path("plan.html"));
    let count = || browser.run("return document.getElementById('count').textContent");
    assert_eq!(count(), "10,000 changes");
    browser.press("/c01234");
    assert_eq!(shown(&browser), ["c01234"]);
    browser.press(ESCAPE);
    browser.click(".toggle[data-word=customer]");
    assert_eq!(count(), "2,500 of 10,000 changes");
    browser.press("/is your tent here");
    assert_eq!(count(), "2,500 of 10,000 changes");
    browser.press(&format!("{ESCAPE}jjjk{ENTER}"));
    assert_eq!(browser.run("return document.querySelectorAll('.item .diff').length"), 1);
    // The last one can be reached, and the page is as long as what it shows.
    browser.run("document.querySelector('.item:last-child').closest('#list').lastElementChild.scrollIntoView()");
    browser.settle();
    assert_eq!(browser.run("return document.getElementById('list').lastElementChild.checkVisibility()"), true);
    is_quiet(&browser);
}

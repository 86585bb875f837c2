//! A real browser, told what to do over WebDriver (W3C): a dozen JSON calls over HTTP, the same for Chromium and Firefox.
//!
//! Waiting happens in the page: [`Tab::until`] asks for a promise that looks again whenever the page changes. No test
//! sleeps.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

use crate::server::Output;
use crate::{DEADLINE, Server};

/// The browsers that the pages are tested in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Chromium (or Chrome), driven by chromedriver.
    Chromium,
    /// Firefox, driven by geckodriver.
    Firefox,
}

impl Kind {
    /// The browser's program and its driver's, or what is missing.
    fn programs(self) -> Result<(PathBuf, PathBuf), String> {
        let (browsers, driver): (&[&str], _) = match self {
            Kind::Chromium => {
                (&["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"], "chromedriver")
            }
            Kind::Firefox => (&["firefox", "firefox-esr"], "geckodriver"),
        };
        let browser = browsers.iter().find_map(|name| find(name)).ok_or(format!("no {}", browsers[0]))?;
        let driver = find(driver).ok_or(format!("no {driver}"))?;
        Ok((browser, driver))
    }

    /// The browser without its surroundings (tabs, an address line, a history), where Debian has installed it: a third less work
    /// for the processor, and built of the same source as Chromium. With `WHOLE_CHROMIUM=1` the tests do without it. It is the
    /// program itself: the script of its name on the `PATH` starts it as a child, which would live on when the driver ends the
    /// script.
    fn bare(self) -> Option<PathBuf> {
        let program = PathBuf::from("/usr/lib/chromium/chromium-headless-shell");
        let whole = std::env::var_os("WHOLE_CHROMIUM").is_some_and(|value| value == "1");
        (self == Kind::Chromium && !whole && program.is_file()).then_some(program)
    }
}

/// A program on the `PATH`, or among those that `cargo install` made.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let folders = std::env::split_paths(&path).chain(cargo.map(|home| home.join("bin")));
    folders.map(|folder| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))).find(|file| file.is_file())
}

/// A running browser.
pub struct Browser {
    kind: Kind,
    driver: Driver,
    /// `/session/ID`
    session: String,
    /// Where the window was when it was new, and how large.
    rect: Value,
    /// The window that WebDriver's commands go to.
    current: RefCell<String>,
    /// Windows that show nothing, until tabs take them: the one that the browser started with, and those that were emptied.
    unused: RefCell<VecDeque<String>>,
}

/// The browsers that no test uses now, and the number of tests that use one. A browser takes seconds to start, so it goes
/// from test to test.
struct Idle {
    browsers: Vec<Browser>,
    users: usize,
}

static IDLE: Mutex<Idle> = Mutex::new(Idle { browsers: Vec::new(), users: 0 });

fn idle() -> MutexGuard<'static, Idle> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A browser that a test has to itself until it goes out of scope.
pub struct Lent(Option<Browser>);

/// A browser with one empty tab. `None`, and a word on the terminal, when the machine has none; with `REQUIRE_BROWSERS=1`,
/// as `make test` has it, the test fails instead.
pub fn start(kind: Kind) -> Option<Lent> {
    match kind.programs() {
        Ok((browser, driver)) => {
            idle().users += 1;
            let mut lent = Lent(None);
            let mut idle = idle();
            let place = idle.browsers.iter().position(|browser| browser.kind == kind);
            let left_by_another = place.map(|place| idle.browsers.swap_remove(place));
            drop(idle);
            let browser = kind.bare().unwrap_or(browser);
            lent.0 = left_by_another.or_else(|| Some(Browser::start(kind, &browser, &driver, Wants::default())));
            Some(lent)
        }
        Err(missing) if std::env::var_os("REQUIRE_BROWSERS").is_some_and(|value| value == "1") => {
            panic!("{missing} on this machine, and this run must not skip the browser tests: `make setup` installs it")
        }
        Err(missing) => {
            crate::skipped(&format!("{missing} on this machine; `make setup` installs it"));
            None
        }
    }
}

/// A whole browser of its own for one test. It warns of certificates whose authority it does not know. It gets more environment
/// for its process, and more words on its command line. `None` as in [`start`].
pub fn start_wary(kind: Kind, env: &[(&str, &str)], args: &[&str]) -> Option<Browser> {
    drop(start(kind)?); // says what is missing, if anything is
    let (browser, driver) = kind.programs().ok()?;
    Some(Browser::start(kind, &browser, &driver, Wants { wary: true, env, args }))
}

/// What a test wants of its browser besides the usual.
#[derive(Default)]
struct Wants<'a> {
    wary: bool,
    env: &'a [(&'a str, &'a str)],
    args: &'a [&'a str],
}

/// Runs a test of our own pages in a browser, if there is one.
pub fn run(kind: Kind, test: fn(&Browser)) {
    crate::needs_our_server!("our own pages");
    let began = Instant::now();
    if let Some(browser) = start(kind) {
        test(&browser);
        crate::took(began.elapsed());
    }
}

/// Writes each test twice: once for Chromium, once for Firefox.
#[macro_export]
macro_rules! in_both_browsers {
    ($($name:ident)*) => {
        mod chromium {
            $(#[test] fn $name() { $crate::browser::run($crate::browser::Kind::Chromium, super::$name); })*
        }
        mod firefox {
            $(#[test] fn $name() { $crate::browser::run($crate::browser::Kind::Firefox, super::$name); })*
        }
    };
}

impl Deref for Lent {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        self.0.as_ref().expect("it is there until it is given back")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // A browser whose test has failed may be in any state: nobody is to have it after that.
        let browser = self.0.take().filter(|_| !std::thread::panicking());
        let empty = browser.filter(|browser| catch_unwind(AssertUnwindSafe(|| browser.empty())).is_ok());
        let mut idle = idle();
        idle.users -= 1;
        idle.browsers.extend(empty);
        // Who comes last puts out the light: a static is never dropped.
        let last = if idle.users == 0 { std::mem::take(&mut idle.browsers) } else { Vec::new() };
        drop(idle);
        drop(last);
    }
}

impl Browser {
    fn start(kind: Kind, browser: &std::path::Path, driver: &std::path::Path, wants: Wants) -> Browser {
        let mut wanted = match kind {
            Kind::Chromium => {
                // Tabs in the background should run like those in front; and no request to anybody else.
                let mut args = vec![
                    "--headless",
                    "--window-size=1280,900",
                    "--disable-gpu",
                    "--disable-quic",
                    "--disable-dev-shm-usage",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    "--disable-background-timer-throttling",
                    "--disable-backgrounding-occluded-windows",
                    "--disable-renderer-backgrounding",
                    // What was left is gone, and does not wait for somebody who goes back.
                    "--disable-features=BackForwardCache",
                ];
                if is_root() {
                    args.push("--no-sandbox");
                }
                args.extend(wants.args);
                json!({ "browserName": "chrome", "goog:chromeOptions": { "binary": browser, "args": args },
                        "goog:loggingPrefs": { "browser": "WARNING" } })
            }
            Kind::Firefox => {
                let quiet = json!({
                    "app.update.auto": false,
                    "browser.safebrowsing.malware.enabled": false,
                    "browser.safebrowsing.phishing.enabled": false,
                    "datareporting.policy.dataSubmissionEnabled": false,
                    "network.captive-portal-service.enabled": false,
                    "network.connectivity-service.enabled": false,
                    "dom.min_background_timeout_value": 4,
                    "dom.timeout.enable_budget_timer_throttling": false,
                    "browser.sessionhistory.max_total_viewers": 0,
                    // One process for all pages: they are ours, and a process takes longer to start than a page.
                    "fission.autostart": false,
                    "dom.ipc.processCount": 1,
                    "dom.ipc.processPrelaunch.enabled": false,
                    // Pictures a second: nobody watches, and each costs time.
                    "layout.frame_rate": 15,
                });
                let args = [&["-headless", "--width=1280", "--height=900"], wants.args].concat();
                let options = json!({ "binary": browser, "prefs": quiet, "args": args });
                json!({ "browserName": "firefox", "moz:firefoxOptions": options })
            }
        };
        wanted["acceptInsecureCerts"] = json!(!wants.wary);
        let driver = Driver::start(kind, driver, wants.env);
        let session = driver.post("/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        let session = session["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {session}")).to_string();
        let session = format!("/session/{session}");
        let patience = DEADLINE.as_millis() as u64 + 10_000;
        driver.post(&format!("{session}/timeouts"), &json!({ "script": patience, "pageLoad": patience }));
        let window = driver.get(&format!("{session}/window"));
        let window = window.as_str().unwrap_or_else(|| panic!("no window: {window}")).to_string();
        let rect = driver.get(&format!("{session}/window/rect"));
        Browser {
            kind,
            driver,
            session,
            rect,
            current: RefCell::new(window.clone()),
            unused: RefCell::new(VecDeque::from([window])),
        }
    }

    /// Closes all tabs but two, which are empty then, and makes the window as large as it was. To make a new tab costs more than
    /// to load a page, and most tests need no third one.
    fn empty(&self) {
        let session = &self.session;
        let tabs = self.driver.get(&format!("{session}/window/handles"));
        let tabs: Vec<&str> = tabs.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let (kept, others) = tabs.split_at(tabs.len().min(2));
        for tab in others {
            self.driver.post(&format!("{session}/window"), &json!({ "handle": tab }));
            self.driver.call("DELETE", &format!("{session}/window"), None);
        }
        for tab in kept.iter().rev() {
            self.driver.post(&format!("{session}/window"), &json!({ "handle": tab }));
            if !self.unused.borrow().iter().any(|unused| unused == tab) {
                self.driver.post(&format!("{session}/url"), &json!({ "url": "about:blank" }));
                self.driver.post(&format!("{session}/window/rect"), &self.rect);
            }
        }
        if self.kind == Kind::Chromium {
            self.complaints();
        }
        self.current.replace(kept.first().expect("a browser has a tab").to_string());
        self.unused.replace(kept.iter().map(|tab| tab.to_string()).collect());
    }

    /// Each tab is a window of its own: all of them are drawn, none stands behind another one, and from window to window a driver
    /// goes at once. For each step from tab to tab Chromium works for 70 ms, and Firefox draws a tab behind hardly ever.
    fn new_tab(&self) -> String {
        let made = self.driver.post(&format!("{}/window/new", self.session), &json!({ "type": "window" }));
        made["handle"].as_str().unwrap_or_else(|| panic!("no new tab: {made}")).to_string()
    }

    /// What the pages have written to the console since the last time, warnings and errors: what failed to load, what was
    /// refused, what was thrown and not caught. Chromium only: WebDriver has no word for it, chromedriver has its own.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.driver.post(&format!("{}/se/log", self.session), &json!({ "type": "browser" }));
        let lines = log.as_array().into_iter().flatten();
        lines.map(|line| line["message"].as_str().unwrap_or_default().to_string()).collect()
    }

    /// Which one it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Opens a tab with this page, once its module scripts have run.
    pub fn open(&self, url: &str) -> Tab<'_> {
        let tab = self.tab();
        tab.go(url);
        tab
    }

    /// An empty tab.
    pub fn tab(&self) -> Tab<'_> {
        let unused = self.unused.borrow_mut().pop_front();
        let window = unused.unwrap_or_else(|| self.new_tab());
        Tab { browser: self, window }
    }

    /// Lets the pages of Chromium see a system that prefers this colour scheme, `light` or `dark`. WebDriver has no word
    /// for it; chromedriver passes on a command of the browser's own protocol.
    pub fn prefers(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let params = json!({ "features": features });
        let path = format!("{}/goog/cdp/execute", self.session);
        self.driver.post(&path, &json!({ "cmd": "Emulation.setEmulatedMedia", "params": params }));
    }

    /// Opens a tab with a demo's page.
    pub fn visit(&self, demo: &Server) -> Tab<'_> {
        self.open(demo.url())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with the session; then it is ended itself.
        let _ = self.driver.agent.delete(format!("{}{}", self.driver.url, self.session)).call();
    }
}

fn is_root() -> bool {
    cfg!(unix) && Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// The name under which an element goes over the wire: the standard's own constant (WebDriver, 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The same for a shadow root.
const SHADOW: &str = "shadow-6066-11e4-a52e-4f735466cecf";

/// What only a warning has: of Chromium, of Firefox, of Firefox before 2026.
const WARNINGS: [&str; 3] = ["#details-button", "net-error-card", "#advancedButton"];

/// A tab of the browser.
pub struct Tab<'a> {
    browser: &'a Browser,
    window: String,
}

impl Tab<'_> {
    /// Which browser it is in.
    pub fn kind(&self) -> Kind {
        self.browser.kind
    }

    /// Runs JavaScript in the page: the body of a function, whose arguments are `arguments[0]` and on.
    pub fn run(&self, script: &str, args: &[Value]) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": args }))
    }

    /// The value of a JavaScript expression.
    pub fn value(&self, expression: &str) -> Value {
        self.run(&format!("return ({expression});"), &[])
    }

    /// Waits until a JavaScript expression is true, and returns its value. It looks whenever the page changes.
    pub fn until(&self, expression: &str) -> Value {
        let answer = self.wait(expression, DEADLINE);
        if let Some(seen) = answer["late"].as_str() {
            panic!("in {:?} this should have become true: {expression}\nthe page says:\n{seen}", self.browser.kind);
        }
        answer["value"].clone()
    }

    /// Whether a JavaScript expression becomes true, however slow the machine.
    pub fn becomes(&self, expression: &str) -> bool {
        self.wait(expression, DEADLINE)["late"].is_null()
    }

    /// Looks whenever the page changes: `{"value": ...}`, or `{"late": what the page says}` when the patience is over.
    fn wait(&self, expression: &str, patience: Duration) -> Value {
        self.post("/execute/async", &json!({ "script": UNTIL, "args": [expression, patience.as_millis() as u64] }))
    }

    /// Waits until an element's text is this.
    pub fn until_text(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.until(&format!("document.querySelector({selector})?.textContent.trim() === {text}"));
    }

    /// Waits until an element's text contains this, and returns the text.
    pub fn until_words(&self, selector: &str, words: &str) -> String {
        let (selector, words) = (json!(selector), json!(words));
        self.until(&format!("document.querySelector({selector})?.textContent.includes({words})"));
        self.value(&format!("document.querySelector({selector}).textContent")).as_str().unwrap_or_default().to_string()
    }

    /// Milliseconds since the page was loaded: a moment for [`Tab::until_said`].
    pub fn now(&self) -> f64 {
        self.value("performance.now()").as_f64().unwrap_or_default()
    }

    /// Waits until the page has said these words at some moment since then, and returns the whole sentence. It reads the
    /// page's own history (`history.js`): a state that lasted a moment only is not missed, however slow the machine.
    pub fn until_said(&self, since: f64, words: &str) -> String {
        let said = format!(
            "document.querySelector('#history').entries.find(({{ t, text }}) => t >= Math.floor({since}) && text.includes({}))",
            json!(words)
        );
        self.until(&said);
        self.value(&format!("{said}.text")).as_str().unwrap_or_default().to_string()
    }

    /// The trimmed texts of all elements that fit.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let list =
            self.value(&format!("[...document.querySelectorAll({})].map((one) => one.textContent)", json!(selector)));
        let list = list.as_array().cloned().unwrap_or_default();
        list.iter().map(|text| text.as_str().unwrap_or_default().to_string()).collect()
    }

    /// Clicks an element once it is there and not disabled, wherever it stands, as a screen reader does: it hits even if the
    /// page moves at that moment.
    pub fn click(&self, selector: &str) {
        let one = format!("document.querySelector({})", json!(selector));
        let script = "const one = document.querySelector(arguments[0]); if (!one || one.disabled) return false; \
                      one.focus({ preventScroll: true }); one.click(); return true;";
        while self.run(script, &[json!(selector)]) == false {
            self.until(&format!("{one} !== null && !{one}.disabled"));
        }
    }

    /// Points at an element and clicks, as a person does: whatever lies on top there gets the click.
    pub fn point(&self, selector: &str) {
        let element = self.find(selector);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Types into an element, as a person does. [`key`] has the keys that are no characters.
    pub fn keys(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.post(&format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// Types wherever the focus is.
    pub fn type_keys(&self, text: &str) {
        let mut actions = Vec::new();
        for key in text.chars() {
            actions.push(json!({ "type": "keyDown", "value": key.to_string() }));
            actions.push(json!({ "type": "keyUp", "value": key.to_string() }));
        }
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("/actions", &json!({ "actions": [keyboard] }));
    }

    /// Presses one key while another is held down.
    pub fn chord(&self, held: char, key: char) {
        let action = |kind: &str, key: char| json!({ "type": kind, "value": key.to_string() });
        let actions = [action("keyDown", held), action("keyDown", key), action("keyUp", key), action("keyUp", held)];
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }));
    }

    /// Puts text into a field at once, as a paste does: WebDriver's keys can't type what is beyond the first 65,536
    /// characters of Unicode.
    pub fn paste(&self, selector: &str, text: &str) {
        self.run(
            "const field = document.querySelector(arguments[0]); field.focus(); field.value = arguments[1]; \
             field.dispatchEvent(new InputEvent('input', { bubbles: true }));",
            &[json!(selector), json!(text)],
        );
    }

    /// Goes to another page.
    pub fn go(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Goes to a page of which the browser may warn, and waits until the page or the warning is there. Returns whether it is
    /// the warning.
    pub fn is_warned_at(&self, url: &str) -> bool {
        let _some_say_so = self.attempt("/url", &json!({ "url": url }));
        let mut warned = false;
        crate::until("a page or a warning", || {
            warned = WARNINGS.iter().any(|sign| self.looks_for(sign).is_some());
            warned || self.looks_for("#doing").is_some()
        });
        warned
    }

    /// Clicks the browser's warning away, as a person does: unfolds it, and goes on. Some browsers take that only after a pause.
    pub fn click_the_warning_away(&self) {
        crate::until("the page behind the warning", || {
            let goes_on = ["#proceed-link", "#exception-button", "#exceptionDialogButton"];
            let unfolds = ["#details-button", "#advanced-button", "#advancedButton"];
            if !goes_on.iter().any(|button| self.clicks(button)) {
                unfolds.iter().any(|button| self.clicks(button));
            }
            self.looks_for("#doing").is_some()
        });
    }

    /// Whether this could be clicked now.
    fn clicks(&self, selector: &str) -> bool {
        let element = self.looks_for(selector);
        element.is_some_and(|id| self.attempt(&format!("/element/{id}/click"), &json!({})).is_ok())
    }

    /// An element, if it is there now; also one inside of Firefox's own warning, which is a component.
    fn looks_for(&self, selector: &str) -> Option<String> {
        let query = |selector: &str| json!({ "using": "css selector", "value": selector });
        let id = |found: Result<Value, String>, key: &str| found.ok()?[key].as_str().map(str::to_string);
        id(self.attempt("/element", &query(selector)), ELEMENT).or_else(|| {
            let card = id(self.attempt("/element", &query("net-error-card")), ELEMENT)?;
            let path = format!("{}/element/{card}/shadow", self.browser.session);
            let root = id(self.browser.driver.try_call("GET", &path, None), SHADOW)?;
            id(self.attempt(&format!("/shadow/{root}/element"), &query(selector)), ELEMENT)
        })
    }

    /// A command that may fail.
    fn attempt(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.front();
        self.browser.driver.try_call("POST", &format!("{}{path}", self.browser.session), Some(body))
    }

    /// Loads the page anew.
    pub fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    /// Looks into a frame of the page, of whatever origin: within `look`, this tab's page is the one in the frame.
    pub fn inside(&self, selector: &str, look: impl FnOnce(&Self)) {
        let element = self.find(selector);
        self.post("/frame", &json!({ "id": { ELEMENT: element } }));
        look(self);
        self.post("/frame", &json!({ "id": null }));
    }

    /// The page as it is printed on paper of this size in centimetres: a PDF, in base64.
    pub fn print(&self, width: f64, height: f64) -> String {
        let pdf = self.post("/print", &json!({ "page": { "width": width, "height": height } }));
        pdf.as_str().unwrap_or_default().to_string()
    }

    /// A picture of the page, as a PNG.
    pub fn picture(&self) -> Vec<u8> {
        base64::engine::general_purpose::STANDARD.decode(self.screenshot()).expect("a screenshot is base64")
    }

    /// The same in base64.
    pub fn screenshot(&self) -> String {
        self.get("/screenshot").as_str().unwrap_or_default().to_string()
    }

    /// Sets the window's size in CSS pixels.
    pub fn resize(&self, width: u32, height: u32) {
        self.post("/window/rect", &json!({ "width": width, "height": height }));
    }

    /// Closes the tab.
    pub fn close(self) {
        self.front();
        self.browser.driver.call("DELETE", &format!("{}/window", self.browser.session), None);
        self.browser.current.borrow_mut().clear();
    }

    fn find(&self, selector: &str) -> String {
        self.until(&format!("document.querySelector({}) !== null", json!(selector)));
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        let id = found[ELEMENT].as_str();
        id.unwrap_or_else(|| panic!("no element {selector:?}: {found}")).to_string()
    }

    fn get(&self, path: &str) -> Value {
        self.front();
        self.browser.driver.get(&format!("{}{path}", self.browser.session))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.front();
        self.browser.driver.post(&format!("{}{path}", self.browser.session), body)
    }

    /// Makes this the tab that commands go to.
    fn front(&self) {
        if *self.browser.current.borrow() != self.window {
            self.browser.driver.post(&format!("{}/window", self.browser.session), &json!({ "handle": self.window }));
            self.browser.current.borrow_mut().clone_from(&self.window);
        }
    }
}

/// Keys that are no characters (WebDriver, 17.4.2).
pub mod key {
    #![allow(missing_docs)]
    pub const TAB: char = '\u{e004}';
    pub const ENTER: char = '\u{e007}';
    pub const SHIFT: char = '\u{e008}';
    pub const CONTROL: char = '\u{e009}';
    pub const ESCAPE: char = '\u{e00c}';
    pub const SPACE: char = ' ';
    pub const HOME: char = '\u{e011}';
    pub const LEFT: char = '\u{e012}';
    pub const UP: char = '\u{e013}';
    pub const RIGHT: char = '\u{e014}';
    pub const DOWN: char = '\u{e015}';
}

/// Looks at the page now and whenever something in it changes: elements, texts, attributes, or what the reader does.
const UNTIL: &str = "
    const [expression, patience, done] = arguments;
    const test = new Function(`return (${expression})`);
    const events = ['input', 'change', 'focusin', 'focusout', 'toggle', 'scroll', 'resize', 'load', 'visibilitychange'];
    let ended = false;
    const watcher = new MutationObserver(look);
    const late = setTimeout(() => { look(); if (!ended) end({ late: seen() }); }, patience);
    function seen() {
        const fields = [...document.querySelectorAll('input, select, textarea')].filter((one) => one.id);
        const filled = fields.map((one) => `${one.id}: ${one.type === 'checkbox' ? one.checked : one.value}`);
        const focus = document.activeElement?.outerHTML.slice(0, 80);
        return `${document.body.innerText}\nfields: ${filled.join(', ')}; focus: ${focus}; ${document.visibilityState}`;
    }
    function end(answer) {
        ended = true;
        watcher.disconnect();
        clearTimeout(late);
        for (const name of events) removeEventListener(name, look, true);
        done(answer);
    }
    function look() {
        let value = false;
        try { value = test(); } catch (error) { if (!(error instanceof TypeError)) throw error; }
        if (value) end({ value: typeof value === 'object' ? true : value });
    }
    watcher.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
    for (const name of events) addEventListener(name, look, true);
    look();
";

/// The driver's process, and the way to talk to it.
struct Driver {
    process: Child,
    output: Output,
    url: String,
    agent: ureq::Agent,
}

/// Two browsers at once are enough for any machine.
static STARTING: Mutex<()> = Mutex::new(());

impl Driver {
    fn start(kind: Kind, program: &std::path::Path, env: &[(&str, &str)]) -> Driver {
        let _one_at_a_time = STARTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (args, sign): (&[&str], _) = match kind {
            Kind::Chromium => (&["--port=0"], "started successfully on port "),
            Kind::Firefox => (&["--port", "0"], "Listening on 127.0.0.1:"),
        };
        let (process, output, line) = loop {
            let mut command = Command::new(program);
            command
                .args(args)
                .envs(env.iter().copied())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut process = command.spawn().unwrap_or_else(|e| panic!("{} does not start: {e}", program.display()));
            let output = Output::new("");
            output.collect(process.stdout.take());
            output.collect(process.stderr.take());
            let line = output.wait_for(sign);
            // ChromeDriver takes a port that is free with IPv6 and then wants the same one with IPv4, where it may be taken.
            if line.is_some() || !output.text().contains("port not available") {
                break (process, output, line);
            }
            let _ = process.wait();
        };
        let port = line.as_deref().and_then(|line| line.split(sign).nth(1));
        let port = port.map(|rest| rest.trim().trim_end_matches('.').to_string());
        let Some(port) = port else { panic!("{} did not say its port:\n{}", program.display(), output.text()) };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(3 * DEADLINE + Duration::from_secs(30)));
        Driver { process, output, url: format!("http://127.0.0.1:{port}"), agent: config.build().into() }
    }

    fn get(&self, path: &str) -> Value {
        self.call("GET", path, None)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, Some(body))
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let done = self.try_call(method, path, body);
        done.unwrap_or_else(|why| {
            panic!("the browser can't do {method} {path} {}: {why}", body.unwrap_or(&Value::Null))
        })
    }

    /// The same; when the browser can't do it, its own words.
    fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let url = format!("{}{path}", self.url);
        let answer = match (method, body) {
            ("POST", Some(body)) => self.agent.post(&url).send_json(body),
            ("DELETE", _) => self.agent.delete(&url).call(),
            _ => self.agent.get(&url).call(),
        };
        let mut answer = answer.unwrap_or_else(|e| panic!("the driver does not answer {method} {path}: {e}\n{self}"));
        let status = answer.status();
        let value: Value = answer.body_mut().read_json().unwrap_or_else(|e| panic!("the driver answers in JSON: {e}"));
        let value = value["value"].clone();
        match status.is_success() {
            true => Ok(value),
            false => Err(format!("{}: {}", value["error"], value["message"])),
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.output.text())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

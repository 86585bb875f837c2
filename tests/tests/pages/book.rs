//! The book in a real browser: every chapter renders without a complaint, recordings play, buttons start demos, search
//! finds. Without a browser on the machine a test says so and passes; `make test` skips nothing.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use serde_json::json;
use tests::browser::{self, Kind, Lent, Tab, key};
use tests::{Server, Setup, axe, start};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The book on a free port, with pages of its own; the demos that it starts take free ports, too.
fn book() -> Book {
    book_with(|setup| setup)
}

/// Ends first its server and then removes its pages: 4 MB.
struct Book {
    server: Server,
    _pages: Pages,
}

struct Pages(PathBuf);

impl Deref for Book {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let _some_tests_write_none = fs::remove_dir_all(&self.0);
    }
}

fn book_with(more: fn(Setup) -> Setup) -> Book {
    static BOOKS: AtomicUsize = AtomicUsize::new(0);
    let number = BOOKS.fetch_add(1, Ordering::Relaxed);
    let pages = std::env::temp_dir().join(format!("book-{}-{number}", std::process::id()));
    let setup = Setup::new("book").env("DEMO_PORT", "0").env("BOOK_PAGES", &pages.display().to_string());
    Book { server: more(setup).start(), _pages: Pages(pages) }
}

/// The addresses of all pages.
fn pages() -> Vec<String> {
    let summary = fs::read_to_string(root().join("book/src/SUMMARY.md")).expect("the book has a summary");
    let chapters = summary.split("](").skip(1).filter_map(|rest| rest.split(".md)").next());
    chapters.map(|name| if name == "README" { "index.html".to_string() } else { format!("{name}.html") }).collect()
}

fn chromium() -> Option<Lent> {
    browser::start(Kind::Chromium)
}

/// Its recordings are there, nothing is too wide, the colours are right, and axe-core finds no serious fault. Two tests share the
/// pages, for a page takes its time.
#[test]
fn every_page_renders_without_a_complaint_wide_and_narrow_light_and_dark() {
    pages_render_without_a_complaint(0);
}

#[test]
fn every_other_page_renders_without_a_complaint_wide_and_narrow_light_and_dark() {
    pages_render_without_a_complaint(1);
}

/// Every second page, from this one on.
fn pages_render_without_a_complaint(first: usize) {
    let Some(browser) = chromium() else { return };
    let axe = axe::script();
    let book = book();
    let tab = browser.open(&format!("{}/404.html", book.url()));
    browser.complaints();
    // The theme is chosen by name; without a choice it follows the system.
    tab.run("localStorage.setItem('mdbook-theme', 'light')", &[]);
    for page in pages().iter().skip(first).step_by(2) {
        tab.go(&format!("{}/{page}", book.url()));
        tab.until("document.querySelector('main h1') !== null");
        tab.until(
            "[...document.querySelectorAll('wire-view')].every((view) => view.querySelectorAll('.row').length > 3)",
        );
        let fits = |tab: &Tab, width: u32| {
            tab.resize(width, 900);
            tab.until(&format!("Math.abs(outerWidth - {width}) < 200"));
            let wide = tab.value("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert!(wide.as_i64() <= Some(0), "{page} is {wide} pixels wider than a window of {width}");
        };
        fits(&tab, 390);
        fits(&tab, 1400);
        let looks = |theme: &str, scheme: &str, rules: &[&str]| {
            tab.run("document.getElementById(`mdbook-theme-${arguments[0]}`).click()", &[json!(theme)]);
            let paper = "getComputedStyle(document.querySelector('#mdbook-content, .page, body')).colorScheme";
            tab.until(&format!("{paper} === '{scheme}'"));
            let faults = axe.as_ref().map(|axe| axe::faults_by(&tab, axe, rules)).unwrap_or_default();
            assert!(faults.is_empty(), "{page}, {scheme}: {} serious faults:\n{}", faults.len(), faults.join("\n"));
        };
        looks("light", "light", &[]);
        looks("navy", "dark", &["color-contrast"]); // all else is as it was on light paper
        let complaints = browser.complaints();
        assert!(complaints.is_empty(), "{page}: {complaints:#?}");
    }
}

#[test]
fn a_recording_plays_and_opens_its_bytes() {
    let Some(browser) = chromium() else { return };
    let book = book();
    let tab = browser.open(&format!("{}/longpoll.html", book.url()));
    tab.until("document.querySelector('wire-view .row') !== null");
    let whole = tab.value("document.querySelectorAll('wire-view .row:not([hidden])').length");
    tab.run("document.querySelector('wire-view').scrollIntoView({ block: 'center' })", &[]);
    // Step starts from the beginning.
    tab.run("[...document.querySelectorAll('wire-view button')].find((b) => b.textContent === 'Step').click()", &[]);
    tab.until(&format!("document.querySelectorAll('wire-view .row:not([hidden])').length < {whole}"));
    tab.run("document.querySelector('wire-view .row.up:not([hidden])').click()", &[]);
    tab.until(
        "document.querySelector('wire-view .detail') !== null && !document.querySelector('wire-view .detail').hidden",
    );
}

#[test]
fn every_embedded_demo_starts_from_its_button_fills_its_own_wire_view_and_stops() {
    let Some(browser) = chromium() else { return };
    let book = book();
    let stays = browser.open(&format!("{}/index.html", book.url())); // with its last tab a browser ends
    for demo in demo::index::all(&root()).into_iter().map(|demo| demo.name) {
        drop(start(&demo)); // builds it: the first build takes longer than a page is waited for
        let tab = browser.open(&format!("{}/{demo}.html", book.url()));
        tab.until("!document.querySelector('live-demo button.run').hidden");
        tab.run("document.querySelector('live-demo').scrollIntoView()", &[]);
        tab.click("live-demo button.run");
        tab.until("document.querySelector('live-demo iframe') !== null");
        let url = tab.value("document.querySelector('live-demo iframe').src");
        let url = url.as_str().expect("a frame has an address").trim_end_matches('/').to_string();
        // The page in the frame sees its own requests: the bench, too, lets in a page that is framed by the book.
        tab.inside("live-demo iframe", |page| {
            page.until("document.querySelectorAll('wire-view .row:not([hidden])').length > 0");
            page.until("document.querySelector('wire-view .counters .down dd').textContent !== '0 B'");
        });
        tab.run(
            "[...document.querySelectorAll('live-demo header button')].find((b) => b.textContent === 'Stop').click()",
            &[],
        );
        tab.until("document.querySelector('live-demo iframe') === null");
        let gone =
            std::net::TcpStream::connect(url.trim_start_matches("https://").trim_start_matches("http://")).is_err();
        assert!(gone, "{demo} should have ended");
        tab.close();
        stays.value("1"); // brings it to the front
    }
}

#[test]
fn the_check_button_says_in_the_page_what_is_missing() {
    let Some(browser) = chromium() else { return };
    let book = book();
    drop(start("polling")); // builds it: the first build takes longer than a page is waited for
    let tab = browser.open(&format!("{}/polling.html", book.url()));
    tab.until("document.querySelector('task-check[task=\"2\"] button') !== null");
    tab.run("document.querySelector('task-check[task=\"2\"] button').click()", &[]);
    tab.until_words("task-check[task='2'] pre", "not yet. The answer to GET /messages has no ETag.");
    tab.until("document.querySelector('task-check[task=\"2\"]').classList.contains('missing')");
    tab.until("!document.querySelector('task-check[task=\"2\"] button').disabled");
}

#[test]
fn what_is_made_to_be_printed_fits_on_one_sheet() {
    let Some(browser) = chromium() else { return };
    let book = book();
    for page in ["cheatsheet", "participant"] {
        let tab = browser.open(&format!("{}/{page}.html", book.url()));
        tab.until("document.querySelector('main .sheet') !== null");
        prints_on_one_sheet(page, &tab);
    }
}

fn prints_on_one_sheet(page: &str, tab: &Tab) {
    for (paper, width, height) in [("A4", 21.0, 29.7), ("Letter", 21.59, 27.94)] {
        let pdf = base64::engine::general_purpose::STANDARD.decode(tab.print(width, height)).expect("a PDF in base64");
        let pdf = String::from_utf8_lossy(&pdf);
        assert!(pdf.starts_with("%PDF"), "{page} on {paper}: this is no PDF");
        let pages = pdf.split("/Type /Page").skip(1).filter(|rest| !rest.starts_with('s')).count();
        assert_eq!(pages, 1, "{page} on {paper}: sheets");
    }
}

#[test]
fn search_finds_by_keyboard() {
    let Some(browser) = chromium() else { return };
    let book = book();
    let tab = browser.open(&format!("{}/index.html", book.url()));
    tab.until("document.querySelector('main h1') !== null");
    tab.type_keys("/");
    tab.until("document.activeElement?.id === 'mdbook-searchbar' || document.activeElement?.type === 'search'");
    tab.type_keys("masking key");
    tab.until("[...document.querySelectorAll('#mdbook-searchresults a, #searchresults a')].some((a) => a.href.includes('frames'))");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_live_controls_of_the_reference_work() {
    let Some(browser) = chromium() else { return };
    let book = book();
    let tab = browser.open(&format!("{}/api.html", book.url()));
    let press = |tab: &Tab, kind: &str, name: &str| {
        tab.run(
            "[...document.querySelectorAll(`[data-try=${arguments[0]}] button`)].find((b) => b.textContent === arguments[1]).click()",
            &[json!(kind), json!(name)],
        );
    };
    tab.until("document.querySelector('[data-try=fetch] button') !== null");
    press(&tab, "fetch", "fetch");
    tab.until_words("[data-try=fetch] output", "done");
    press(&tab, "xhr", "send");
    tab.until_words("[data-try=xhr] output", "load: status 200");
    press(&tab, "eventsource", "new EventSource");
    // It ends, the browser comes back, and the ids go on.
    tab.until_words("[data-try=eventsource] output", "lastEventId \"6\"");
    press(&tab, "eventsource", "close");
}

#[test]
fn a_page_is_light_enough() {
    let book = book();
    for page in pages() {
        let weight = |path: &str| -> usize {
            let mut wire = book.connect();
            wire.send(format!("GET /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"));
            wire.rest().len()
        };
        let mut wire = book.connect();
        wire.send(format!("GET /{page} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"));
        let html = String::from_utf8_lossy(&wire.rest()).into_owned();
        let mut total = html.len();
        for mark in ["src=\"", "href=\""] {
            for target in html.split(mark).skip(1).filter_map(|rest| rest.split('"').next()) {
                if [".js", ".css", ".woff2"].iter().any(|end| target.ends_with(end)) {
                    total += weight(target);
                }
            }
        }
        for module in ["view", "model", "ladder", "bytes", "recording"].map(|part| format!("wire-{part}.js")) {
            total += weight(&format!("bench/{module}"));
        }
        for module in ["dom.js", "feed.js"] {
            total += weight(&format!("bench/{module}"));
        }
        assert!(total < 300 * 1024, "{page} weighs {} KiB before its recording", total / 1024);
    }
}

#[test]
fn only_the_books_own_pages_may_start_a_demo() {
    let book = book();
    let ask = |path: &str, fields: &[(&str, &str)]| {
        let mut wire = book.connect();
        wire.post(path, fields, "");
        wire.any_head().status
    };
    assert_eq!(ask("/demos/polling/run", &[]), 403, "no token");
    assert_eq!(
        ask("/demos/polling/run", &[("X-Book-Token", "00112233445566778899aabbccddeeff")]),
        403,
        "a wrong token"
    );
    let mut wire = book.get("/index.html");
    let html = wire.answer().1;
    let token = html.split("book-token\" content=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    assert_eq!(ask("/demos/nobody/run", &[("X-Book-Token", token)]), 404);
    assert_eq!(ask("/demos/..%2f..%2fbin/run", &[("X-Book-Token", token)]), 404);
    let foreign = [("X-Book-Token", token), ("Origin", "http://evil.example")];
    assert_eq!(ask("/demos/polling/run", &foreign), 403, "a foreign page");
    let mut wire = book.connect();
    wire.send(format!(
        "POST /demos/polling/run HTTP/1.1\r\nHost: evil.example\r\nX-Book-Token: {token}\r\nContent-Length: 0\r\n\r\n"
    ));
    assert_eq!(wire.any_head().status, 421, "a foreign name for this machine");
    for path in ["/../Cargo.toml", "/.git/config", "/%2e%2e/Cargo.toml", "/bench/../../src/SUMMARY.md"] {
        let mut wire = book.get(path);
        assert_eq!(wire.any_head().status, 404, "{path}");
    }
}

#[test]
fn a_request_line_that_leads_out_of_the_pages_is_refused_by_the_book() {
    let folder = std::env::temp_dir().join(format!("book-beside-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("beside.txt"), "beside the pages").expect("a file");
    let pages = folder.join("pages");
    let book = Setup::new("book").env("BOOK_PAGES", &pages.display().to_string()).start();
    let file = folder.join("beside.txt").display().to_string();
    for target in [
        "../beside.txt",
        "/../beside.txt",
        "/bench/../../beside.txt",
        "/bench/..%2f../beside.txt",
        "C:/Windows/win.ini",
        &file,
        &format!("/{file}"),
    ] {
        let mut wire = book.send(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", book.host()));
        let (head, text) = wire.answer();
        assert!(head.status == 400 || head.status == 404, "{target} is answered {}: {text}", head.status);
    }
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn the_book_goes_on_after_any_last_event_id() {
    let book = book();
    let mut wire = book.connect();
    wire.get_with("/try/events", &[("Last-Event-ID", "18446744073709551615")]);
    assert_eq!(wire.status(), 200);
    assert_eq!(wire.event("").id.as_deref(), Some("18446744073709551615"));
    assert_eq!(book.get("/index.html").any_head().status, 200);
}

#[test]
fn the_book_serves_again_after_open_files_ran_out() {
    let book = book_with(|setup| setup.open_files(64));
    let idle: Vec<_> = (0..100).filter_map(|_| tests::Wire::try_connect(book.host()).ok()).collect();
    assert!(idle.len() > 30, "only {} connections could be opened", idle.len());
    drop(idle);
    // Connections that are refused meanwhile are told to come again.
    let answered =
        (0..500).any(|_| book.get("/index.html").try_head(tests::DEADLINE).is_some_and(|head| head.status == 200));
    assert!(answered, "the book answers no more");
}

#[test]
fn the_contents_can_be_reached_by_keyboard() {
    let Some(browser) = chromium() else { return };
    let book = book();
    let tab = browser.open(&format!("{}/polling.html", book.url()));
    tab.until("document.querySelector('wire-view .row') !== null");
    let mut seen = Vec::new();
    for _ in 0..120 {
        tab.type_keys(&key::TAB.to_string());
        let focused =
            tab.value("document.activeElement?.closest('live-demo, wire-view, pre, details, nav')?.tagName ?? ''");
        seen.push(focused.as_str().unwrap_or_default().to_string());
    }
    for place in ["LIVE-DEMO", "WIRE-VIEW", "DETAILS"] {
        assert!(seen.iter().any(|one| one == place), "Tab should reach {place}; it reached {seen:?}");
    }
}

//! What the page of wss promises, in real browsers; and what browsers say of certificates and of mixed content.

use std::path::PathBuf;
use std::process::Command;

use tests::browser::{self, Browser, Kind};
use tests::page::{hears, say};
use tests::{Server, in_both_browsers, promises, start, start_with, tls};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    what_tls_agreed_on_and_either_ladder_are_shown
    on_loopback_a_sealed_page_may_use_plain_connections
    on_an_address_of_the_network_plain_connections_of_a_sealed_page_are_blocked
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "wss");
}

fn what_tls_agreed_on_and_either_ladder_are_shown(browser: &Browser) {
    let demo = start("wss");
    let tab = browser.visit(&demo);
    tab.until_said(0.0, "1 OPEN over wss:");
    tab.run("document.querySelector('#ask').click()", &[]);
    tab.until_words("#sessions", "TLS 1.3");
    tab.until_words("#sessions", "http/1.1");
    for (layer, inner) in [("inside", true), ("outside", false)] {
        let choose = "const choice = document.querySelector('[aria-label=\"Layers shown\"]'); \
                      choice.value = arguments[0]; choice.dispatchEvent(new Event('change'));";
        tab.run(choose, &[layer.into()]);
        let rows = "[...document.querySelectorAll('wire-view .row[id]:not([hidden])')]";
        tab.until(&format!(
            "{rows}.length > 0 && {rows}.every((row) => row.classList.contains('inner') === {inner})"
        ));
    }
}

/// What wss.md says of mixed content on loopback.
fn on_loopback_a_sealed_page_may_use_plain_connections(browser: &Browser) {
    let demo = start("wss");
    let tab = browser.visit(&demo);
    tab.run("document.querySelector('#mixed').open = true", &[]);
    tab.run("document.querySelector('#try').click()", &[]);
    tab.until_text("#mixed-ws", "open");
    tab.until_text("#mixed-http", "heard: tick");
    tab.run("document.querySelector('[value=\"ws:\"]').click()", &[]);
    tab.until_said(0.0, "1 OPEN over ws:");
    say(&tab, "over ws");
    hears(&tab, "over ws");
}

/// An address of this machine on a network, if it has one.
fn own_address() -> Option<String> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip().to_string()).filter(|address| !address.starts_with("127."))
}

/// What wss.md says of mixed content anywhere else.
fn on_an_address_of_the_network_plain_connections_of_a_sealed_page_are_blocked(browser: &Browser) {
    let Some(address) = own_address() else {
        return tests::skipped("this machine has no address but loopback");
    };
    let demo = start_with("wss", &["--host", "0.0.0.0"]);
    let port = demo.sealed_host().rsplit(':').next().unwrap_or_default();
    let tab = browser.open(&format!("https://{address}:{port}/"));
    tab.until_said(0.0, "1 OPEN over wss:");
    tab.run("document.querySelector('#mixed').open = true", &[]);
    tab.run("document.querySelector('#try').click()", &[]);
    tab.until_text("#mixed-ws", "blocked: SecurityError");
    tab.until_words("#mixed-http", "error");
    tab.run("document.querySelector('[value=\"ws:\"]').click()", &[]);
    tab.until_said(0.0, "The browser refuses ws: in this page: SecurityError");
}

// ---- The warning ------------------------------------------------------------------------------------------------------

/// Walks "The warning." in wss.md.
/// Walks "A man in the middle." in wss.md.
fn the_warning_is_clicked_away_and_warns_of_the_middle_again(kind: Kind) {
    let Some(browser) = browser::start_wary(kind, &[], &[]) else { return };
    let demo = start("wss");
    let tab = browser.tab();
    assert!(tab.is_warned_at(demo.url()));
    tab.click_the_warning_away();
    tab.until_said(0.0, "1 OPEN over wss:");
    say(&tab, "to the real server");
    hears(&tab, "to the real server");
    let middle = format!("https://{}/", demo.beside("middle"));
    assert!(tab.is_warned_at(&middle), "the stranger's certificate is warned of, too");
    tab.click_the_warning_away();
    tab.until_said(0.0, "1 OPEN over wss:");
    say(&tab, "my password is swordfish");
    hears(&tab, "my password is swordfish");
    let read = demo
        .bench()
        .feed()
        .row(|row| row.text("mean").contains("swordfish") && row.text("dir") == "up");
    assert!(read.json["in"].is_u64());
}

#[test]
fn chromium_warns_and_the_warning_is_clicked_away() {
    the_warning_is_clicked_away_and_warns_of_the_middle_again(Kind::Chromium);
}

#[test]
fn firefox_warns_and_the_warning_is_clicked_away() {
    the_warning_is_clicked_away_and_warns_of_the_middle_again(Kind::Firefox);
}

// ---- Trust ------------------------------------------------------------------------------------------------------------

/// A folder with a store of certificates (NSS) that trusts the demo's authority; removed at the end.
struct Store(PathBuf);

impl Store {
    fn trusting(demo: &Server, folder: &str) -> Option<Store> {
        let home = std::env::temp_dir().join(format!("wss-trust-{folder}-{}", std::process::id()));
        let nss = if folder == "chromium" { home.join(".pki/nssdb") } else { home.clone() };
        std::fs::create_dir_all(&nss).expect("a folder for the store");
        let store = Store(home);
        let pem = nss.join("authority.pem");
        std::fs::write(&pem, tls::authority(demo)).expect("the certificate can be written");
        let place = format!("sql:{}", nss.display());
        for words in [
            vec!["-N", "-d", &place, "--empty-password"],
            vec![
                "-A",
                "-d",
                &place,
                "-n",
                "demo",
                "-t",
                "C,,",
                "-i",
                pem.to_str().unwrap_or_default(),
            ],
        ] {
            match Command::new("certutil").args(&words).output() {
                Ok(output) => assert!(output.status.success(), "certutil {words:?}: {output:?}"),
                Err(_) => {
                    tests::skipped("no certutil on this machine; `make setup` installs it");
                    return None;
                }
            }
        }
        Some(store)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What wss.md says of trust.
fn a_browser_that_trusts_the_authority_warns_of_the_middle_only(kind: Kind) {
    let demo = start("wss");
    let folder = if kind == Kind::Chromium { "chromium" } else { "firefox" };
    let Some(store) = Store::trusting(&demo, folder) else { return };
    let home = store.0.display().to_string();
    let browser = match kind {
        Kind::Chromium => browser::start_wary(kind, &[("HOME", &home)], &[]),
        Kind::Firefox => browser::start_wary(kind, &[], &["-profile", &home]),
    };
    let Some(browser) = browser else { return };
    let tab = browser.tab();
    assert!(!tab.is_warned_at(demo.url()));
    tab.until_said(0.0, "1 OPEN over wss:");
    assert!(tab.is_warned_at(&format!("https://{}/", demo.beside("middle"))));
}

#[test]
fn chromium_that_trusts_the_authority_shows_no_warning() {
    a_browser_that_trusts_the_authority_warns_of_the_middle_only(Kind::Chromium);
}

#[test]
fn firefox_that_trusts_the_authority_shows_no_warning() {
    a_browser_that_trusts_the_authority_warns_of_the_middle_only(Kind::Firefox);
}

//! A demo's page, the files beside it, and the policy that says what the page may load.

use crate::Site;

/// A page, and the files beside it that hold what is not its lesson.
#[derive(Clone, Copy)]
pub struct Page {
    /// `page.html`.
    pub html: File,
    /// Scripts and styles of this page alone. The bench serves them beside those of all pages, so that the wire view shows
    /// the technique and not them: `{{bench}}/NAME` in the page, `./NAME` in another script.
    pub assets: &'static [(&'static str, File)],
    /// What this page may load besides what every page may: a directive of its Content Security Policy, and the sources to
    /// add to it, with the same addresses filled in as in the page. Empty for most pages.
    pub policy: &'static [(&'static str, &'static str)],
}

/// A page as one browser gets it.
pub struct Html {
    /// The body of the answer.
    pub text: String,
    /// The value of its `Content-Security-Policy`.
    pub policy: String,
}

/// A file, read anew at each request so that an edit needs a reload and no build.
#[derive(Clone, Copy)]
pub struct File {
    /// Where it is on the machine that built the demo.
    pub path: &'static str,
    /// As it was when the demo was built, for when it is not there any more.
    pub built_in: &'static str,
}

impl File {
    /// What is in it.
    pub fn text(&self) -> String {
        std::fs::read_to_string(self.path).unwrap_or_else(|_| self.built_in.to_string())
    }
}

impl Page {
    /// The page for a browser that asked for it under the name `host` (a `Host` header's value), with the addresses of
    /// the bench, the book and the side servers filled in for `{{bench}}`, `{{book}}` and their names.
    ///
    /// The page's own script is the one that carries this answer's nonce. A script that got into the page in another way
    /// does not know it, so the browser does not run it.
    pub fn html(&self, host: &str, site: &Site) -> Html {
        let nonce = nonce();
        let public = site.public_address().to_string();
        let host = if site.is_own_host(host) { host } else { &public };
        let name = Site::host_name(host);
        let text = fill(&self.html.text(), name, site)
            .replace("<script type=\"module\">", &format!("<script type=\"module\" nonce=\"{nonce}\">"));
        Html { text, policy: self.policy(host, &nonce, site) }
    }

    /// The Content Security Policy: the page loads from the demo, its side servers and the bench, and the book may frame
    /// it. The book answers on a loopback address only, but not always on its usual port.
    fn policy(&self, host: &str, nonce: &str, site: &Site) -> String {
        let host_name = Site::host_name(host);
        let side_ports = site.side_ports.iter().map(|(_, port)| *port);
        let ports = side_ports.chain([site.bench_port]).filter(|port| *port != 0);
        let own =
            ports.fold("'self'".to_string(), |own, port| format!("{own} {}://{host_name}:{port}", site.scheme(port)));
        let websocket = if site.scheme(site.address.port()) == "https" { "wss" } else { "ws" };
        let mut directives = vec![
            ("default-src", "'none'".to_string()),
            ("script-src", format!("{own} 'nonce-{nonce}'")),
            ("style-src", own.clone()),
            ("img-src", own.clone()),
            ("font-src", own.clone()),
            ("connect-src", format!("{own} {websocket}://{host}")),
            ("frame-src", own),
            ("frame-ancestors", "'self' http://127.0.0.1:* http://localhost:*".to_string()),
            ("base-uri", "'none'".to_string()),
            ("form-action", "'self'".to_string()),
        ];
        for (name, more) in self.policy {
            match directives.iter_mut().find(|(other, _)| other == name) {
                Some((_, sources)) => *sources += &format!(" {}", fill(more, host_name, site)),
                None => directives.push((name, fill(more, host_name, site))),
            }
        }
        directives.iter().map(|(name, sources)| format!("{name} {sources}")).collect::<Vec<_>>().join("; ")
    }
}

/// Fills in the addresses for a browser that knows this machine under this name.
fn fill(text: &str, name: &str, site: &Site) -> String {
    let mut text = text.to_string();
    for (server, port) in &site.side_ports {
        text = text.replace(&format!("{{{{{server}}}}}"), &format!("{name}:{port}"));
    }
    text.replace("{{bench}}", &bench(name, site)).replace("{{book}}", &format!("http://{name}:{}", Site::BOOK_PORT))
}

/// Where a page finds the bench. A page on https loads from a plain port on loopback only (W3C Mixed Content, 3.1); elsewhere
/// from the demo's side server `tools`, the bench over TLS.
fn bench(name: &str, site: &Site) -> String {
    let loopback = Site::new(site.address).is_own_host(name);
    let sealed = site.scheme(site.address.port()) == "https" && !loopback;
    match site.side_port("tools") {
        port if sealed && port != 0 => format!("https://{name}:{port}"),
        _ => format!("http://{name}:{}", site.bench_port),
    }
}

/// 128 random bits in hexadecimal: a number for one answer only.
fn nonce() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    format!("{:032x}", u128::from_ne_bytes(bytes))
}

/// The page of the calling crate: its `page.html`, and the files beside it that are named.
#[macro_export]
macro_rules! page {
    ($($asset:literal),*) => {
        $crate::Page {
            html: $crate::page!(file "page.html"),
            assets: &[$(($asset, $crate::page!(file $asset))),*],
            policy: &[],
        }
    };
    (file $name:literal) => {
        $crate::File {
            path: concat!(env!("CARGO_MANIFEST_DIR"), "/", $name),
            built_in: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $name)),
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Page = Page {
        html: File { path: "", built_in: "<script type=\"module\">import \"{{bench}}/room.js\"</script>{{data}}" },
        assets: &[],
        policy: &[("script-src", "'wasm-unsafe-eval'"), ("worker-src", "ws://{{data}}")],
    };

    fn site() -> Site {
        Site { bench_port: 9003, side_ports: vec![("data", 8103)], ..Site::new(([127, 0, 0, 1], 8003).into()) }
    }

    #[test]
    fn only_the_script_that_carries_the_nonce_of_this_answer_may_run() {
        let (one, other) = (PAGE.html("localhost:8003", &site()), PAGE.html("localhost:8003", &site()));
        let nonce = |html: &Html| html.policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_string();
        assert_ne!(nonce(&one), nonce(&other));
        assert!(one.text.starts_with(&format!("<script type=\"module\" nonce=\"{}\">", nonce(&one))), "{}", one.text);
    }

    #[test]
    fn a_page_loads_from_the_demo_its_side_servers_and_the_bench_and_a_demo_may_add_to_that() {
        let policy = PAGE.html("localhost:8003", &site()).policy;
        let directive = |name: &str| policy.split("; ").find_map(|one| one.strip_prefix(name)).unwrap().to_string();
        assert_eq!(directive("default-src "), "'none'");
        assert_eq!(directive("style-src "), "'self' http://localhost:8103 http://localhost:9003");
        let connect = "'self' http://localhost:8103 http://localhost:9003 ws://localhost:8003";
        assert_eq!(directive("connect-src "), connect);
        assert!(directive("script-src ").ends_with(" 'wasm-unsafe-eval'"));
        assert_eq!(directive("worker-src "), "ws://localhost:8103");
    }

    #[test]
    fn a_foreign_name_gets_into_neither_page_nor_policy() {
        let html = PAGE.html("evil.example; script-src *", &site());
        assert!(!html.text.contains("evil") && !html.policy.contains("evil"), "{}", html.policy);
        assert!(html.text.contains("http://127.0.0.1:9003/room.js"));
    }
}

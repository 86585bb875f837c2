//! A demo's page, and the files beside it.

use crate::Site;

/// A page, and the files beside it that hold what is not its lesson.
#[derive(Clone, Copy)]
pub struct Page {
    /// `page.html`.
    pub html: File,
    /// Scripts and styles of this page alone. The bench serves them beside those of all pages, so that the wire view shows
    /// the technique and not them: `{{bench}}/NAME` in the page, `./NAME` in another script.
    pub assets: &'static [(&'static str, File)],
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
    pub fn html(&self, host: &str, site: &Site) -> String {
        let mut html = self.html.text();
        let name = Site::host_name(host);
        for (server, port) in &site.side_ports {
            html = html.replace(&format!("{{{{{server}}}}}"), &format!("{name}:{port}"));
        }
        html.replace("{{bench}}", &format!("http://{name}:{}", site.bench_port))
            .replace("{{book}}", &format!("http://{name}:{}", Site::BOOK_PORT))
    }
}

/// The page of the calling crate: its `page.html`, and the files beside it that are named.
#[macro_export]
macro_rules! page {
    ($($asset:literal),*) => {
        $crate::Page { html: $crate::page!(file "page.html"), assets: &[$(($asset, $crate::page!(file $asset))),*] }
    };
    (file $name:literal) => {
        $crate::File {
            path: concat!(env!("CARGO_MANIFEST_DIR"), "/", $name),
            built_in: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $name)),
        }
    };
}

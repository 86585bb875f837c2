//! How the reader's pace reaches the writer, made visible. Not needed for the technique: filler
//! that makes a stream large, and a watch that tells how long its writes wait.

use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Endless;
use serde_json::json;
use tiny_http::Request;

/// A line of filler, in bytes.
const FILLER: usize = 32 * 1024;

/// The most filler that a page may ask for, in KiB a second.
const MAX_FILLER: u64 = 16 * 1024;

/// The streams that are open now, newest last.
#[derive(Default)]
pub struct Flows(Mutex<Vec<Arc<Flow>>>);

impl Flows {
    /// Begins to watch the stream that this request asks for.
    pub fn watch(&self, request: &Request) -> Watched<'_> {
        let flow = Arc::new(Flow::new(request));
        self.open().push(flow.clone());
        Watched { flow, flows: self }
    }

    /// Answers `GET /flow?tab=KEY`: how many bytes of this tab's stream are written, and for how
    /// many milliseconds the write under way has been waiting.
    pub fn answer(&self, request: Request) {
        let tab = http::query_text(&request, "tab").unwrap_or("");
        let Some(flow) = self.open().iter().rev().find(|flow| flow.tab == tab).cloned() else {
            return http::text(request, 404, "This tab has no stream open.");
        };
        let waiting = flow.waiting().map_or(0, |since| since.elapsed().as_millis() as u64);
        http::json(
            request,
            200,
            &json!({ "written": flow.written.load(Ordering::Relaxed), "waiting": waiting }),
        );
    }

    fn open(&self) -> MutexGuard<'_, Vec<Arc<Flow>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that is being watched, until this is dropped.
pub struct Watched<'a> {
    flow: Arc<Flow>,
    flows: &'a Flows,
}

impl Deref for Watched<'_> {
    type Target = Flow;

    fn deref(&self) -> &Flow {
        &self.flow
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.flows.open().retain(|other| !Arc::ptr_eq(other, &self.flow));
    }
}

/// What a stream has written, for the page to compare with what it has read.
pub struct Flow {
    tab: String,
    /// What is written at each turn: a line of filler, or nothing.
    filler: String,
    /// The time between two lines of filler.
    pause: Option<Duration>,
    /// Bytes of the body that the kernel has taken.
    written: AtomicU64,
    /// Since when the write under way waits for the kernel to take more.
    waiting: Mutex<Option<Instant>>,
}

impl Flow {
    fn new(request: &Request) -> Self {
        let tab = http::query_text(request, "tab").unwrap_or("").to_string();
        let kib = http::query(request, "filler").unwrap_or(0).min(MAX_FILLER);
        let (mut filler, mut pause) = (String::new(), None);
        if kib > 0 {
            filler = format!("{{\"filler\":\"{}\"}}\n", ".".repeat(FILLER));
            pause = Some(Duration::from_secs_f64(FILLER as f64 / 1024.0 / kib as f64));
        }
        Flow { tab, filler, pause, written: AtomicU64::new(0), waiting: Mutex::new(None) }
    }

    /// How long to wait for a message: until the next line of filler, or for a whole `beat`.
    pub fn pause(&self, beat: Duration) -> Duration {
        self.pause.unwrap_or(beat)
    }

    /// A line of filler, if the page asked for filler.
    pub fn filler(&self) -> &str {
        &self.filler
    }

    // ANCHOR: write
    /// Writes a chunk, and keeps the time when the write began. When the reader is slow, `send`
    /// waits.
    pub fn write(&self, out: &mut Endless, bytes: &[u8]) -> io::Result<()> {
        *self.waiting() = Some(Instant::now());
        out.send(bytes)?;
        *self.waiting() = None;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
    // ANCHOR_END: write

    fn waiting(&self) -> MutexGuard<'_, Option<Instant>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

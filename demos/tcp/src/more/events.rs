//! Machinery: server-sent events for the page. The demo `sse` explains them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Endless;
use room::{Cursor, Gap, Room};
use tiny_http::Request;

/// On a silent stream a comment goes out this often: its failure tells that the page has gone.
const BEAT: Duration = Duration::from_secs(5);

/// `GET /events?after=PLACE`: the room from this place on.
pub fn room(request: Request, room: &Arc<Room>) {
    let mut reader = room.reader(http::cursor(&request));
    stream(request, move |events| {
        let news = reader.wait(BEAT);
        if news.gap != Gap::None {
            *events += &format!("event: gap\nid: {}\ndata: {}\n\n", news.start(), news.place());
        }
        for message in &news.messages {
            let id = Cursor { after: message.id, ..news.next };
            *events += &format!("id: {id}\ndata: {}\n\n", message.json());
        }
    });
}

/// Answers with events until the page has gone. `more` waits for news, a little, and adds them.
pub fn stream(request: Request, more: impl FnMut(&mut String)) {
    // A page that closed its stream is the ordinary end of it.
    let _ = write_events(request, more);
}

fn write_events(request: Request, mut more: impl FnMut(&mut String)) -> io::Result<()> {
    let origin = origin(&request);
    let mut out =
        Endless::begin(request, "text/event-stream", &[("Access-Control-Allow-Origin", &origin)])?;
    out.send("retry: 1000\n\n")?;
    let mut last_write = Instant::now();
    loop {
        let mut events = String::new();
        more(&mut events);
        if events.is_empty() && last_write.elapsed() >= BEAT {
            events += ": beat\n\n";
        }
        if !events.is_empty() {
            out.send(events)?;
            last_write = Instant::now();
        }
    }
}

/// The origin that may read an answer: the one that asks. [`http::serve`] has let in no other than
/// the demo's own.
pub fn origin(request: &Request) -> String {
    http::header(request, "Origin").unwrap_or("null").to_string()
}

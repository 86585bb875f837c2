//! Machinery: the page, and its way into the room. A page can't open a TCP connection, so it hears the room as server-sent
//! events, which are another lesson.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site};
use http::Endless;
use room::{Cursor, Gap, News, Reader, Room};

/// On a silent stream a comment goes out this often, so that a page that has gone is noticed.
const BEAT: Duration = Duration::from_secs(5);

/// Serves the page and its way into the room.
///
/// # Errors
/// When the listener fails.
pub fn serve(
    listener: TcpListener,
    room: Arc<Room>,
    site: Arc<Site>,
    demo: &'static Demo,
) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/events" => http::get(request, |request| {
            let reader = room.reader(http::cursor(&request));
            // A page that closed its stream is the ordinary end of it.
            let _ = Endless::begin(request, "text/event-stream", &[])
                .and_then(|out| stream(out, reader));
        }),
        _ => http::common(request, demo, &site, &room),
    })
}

fn stream(mut out: Endless, mut reader: Reader) -> io::Result<()> {
    out.send("retry: 1000\n\n")?;
    loop {
        let news = reader.wait(BEAT);
        out.send(if news.is_empty() { ": beat\n\n".to_string() } else { events(&news) })?;
    }
}

/// The news as events: first what is missing, then the messages.
fn events(news: &News) -> String {
    let gap = match news.gap {
        Gap::None => String::new(),
        _ => format!("event: gap\nid: {}\ndata: {}\n\n", news.start(), news.place()),
    };
    let life = news.next.life;
    news.messages.iter().fold(gap, |events, message| {
        let id = Cursor { life, after: message.id };
        events + &format!("id: {id}\ndata: {}\n\n", message.json())
    })
}

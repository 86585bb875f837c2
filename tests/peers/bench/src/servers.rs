//! What the demos are measured against. Each runs as a process of its own: `bench floor`, `bench longpoll-floor`,
//! `bench axum`. The first line on stdout says where it listens, as a demo's does.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt};

/// A log and one condition variable: no server with a thread per client can do with less.
#[derive(Default)]
struct Log {
    said: Mutex<Vec<String>>,
    news: Condvar,
}

impl Log {
    fn say(&self, text: &str) -> usize {
        let mut said = self.said.lock().unwrap();
        said.push(text.to_string());
        let id = said.len();
        drop(said);
        self.news.notify_all();
        id
    }

    /// What was said after message `after`; sleeps until there is something, or until the deadline.
    fn wait(&self, after: usize, deadline: Option<Instant>) -> Vec<String> {
        let mut said = self.said.lock().unwrap();
        while said.len() <= after {
            said = match deadline {
                None => self.news.wait(said).unwrap(),
                Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                    Some(left) => self.news.wait_timeout(said, left).unwrap().0,
                    None => break,
                },
            };
        }
        said[after.min(said.len())..].to_vec()
    }
}

/// The floor: bare TCP, a thread per client. The first line of a connection is `listen`, or it says one thing per line and
/// is told the id that this got. What goes out are the bytes of a Server-Sent Event: as much is written as by the others.
pub fn floor() -> io::Result<()> {
    let log = Arc::new(Log::default());
    serve_threads(move |socket| {
        for line in BufReader::new(&socket).lines() {
            let line = line?;
            if line == "listen" {
                return listen(&socket, &log);
            }
            let id = log.say(&line);
            (&socket).write_all(format!("{id}\n").as_bytes())?;
        }
        Ok(())
    })
}

fn listen(mut socket: &TcpStream, log: &Log) -> io::Result<()> {
    socket.write_all(b"retry: 2000\n\n")?;
    let mut after = 0;
    loop {
        let mut events = String::new();
        for text in log.wait(after, None) {
            after += 1;
            events += &format!("id: {after}\ndata: {text}\n\n");
        }
        socket.write_all(events.as_bytes())?;
    }
}

/// Long polling with a thread per connection and as little HTTP as will do.
pub fn longpoll_floor() -> io::Result<()> {
    let log = Arc::new(Log::default());
    let waiting = Arc::new(AtomicUsize::new(0));
    serve_threads(move |mut socket| {
        let mut reader = BufReader::new(socket.try_clone()?);
        while let Some((head, body)) = request(&mut reader)? {
            let path = head.split(' ').nth(1).unwrap_or("");
            let answer = match path.split_once('?').unwrap_or((path, "")) {
                ("/wait", query) => {
                    let query: HashMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
                    let number = |name| query.get(name).and_then(|value| value.parse::<usize>().ok());
                    let after = number("after").unwrap_or(0);
                    let deadline = Instant::now() + Duration::from_secs(number("hold").unwrap_or(25) as u64);
                    waiting.fetch_add(1, Ordering::Relaxed);
                    let news = log.wait(after, Some(deadline));
                    waiting.fetch_sub(1, Ordering::Relaxed);
                    let messages: Vec<String> = news
                        .iter()
                        .zip(after + 1..)
                        .map(|(text, id)| format!("{{\"id\":{id},\"text\":\"{text}\",\"at\":0}}"))
                        .collect();
                    format!("{{\"messages\":[{}]}}", messages.join(","))
                }
                ("/waiting", _) => waiting.load(Ordering::Relaxed).to_string(),
                _ => log.say(&body).to_string(),
            };
            let length = answer.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: {length}\r\n\r\n{answer}"
            );
            socket.write_all(answer.as_bytes())?;
        }
        Ok(())
    })
}

/// Reads a request: its first line and its body. `None`: there is no other one.
fn request(reader: &mut impl BufRead) -> io::Result<Option<(String, String)>> {
    let (mut head, mut line, mut length) = (String::new(), String::new(), 0);
    if reader.read_line(&mut head)? == 0 {
        return Ok(None);
    }
    while reader.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("Content-Length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        line.clear();
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    Ok(Some((head, body)))
}

/// A thread with a small stack for each connection.
fn serve_threads(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("floor: http://{}", listener.local_addr()?);
    let serve = Arc::new(serve);
    loop {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let serve = serve.clone();
        thread::Builder::new().stack_size(128 * 1024).spawn(move || serve(socket))?;
    }
}

/// Server-Sent Events on axum with a tokio broadcast, as its documentation shows it.
pub fn axum() -> io::Result<()> {
    let (sender, _) = broadcast::channel::<(u64, String)>(1_000);
    let ids = Arc::new(Mutex::new(0));
    let say = {
        let sender = sender.clone();
        move |text: String| async move {
            let mut id = ids.lock().unwrap();
            *id += 1;
            let _ = sender.send((*id, text));
            id.to_string()
        }
    };
    let app =
        Router::new().route("/say", post(say)).route("/events", get(move || async move { events(sender.subscribe()) }));
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("axum: http://{}", listener.local_addr()?);
        let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
        axum::serve(listener, app).await
    })
}

fn events(news: broadcast::Receiver<(u64, String)>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let hello = tokio_stream::once(Ok(Event::default().retry(Duration::from_secs(2))));
    let news = BroadcastStream::new(news)
        .filter_map(Result::ok)
        .map(|(id, text)| Ok(Event::default().id(id.to_string()).data(text)));
    Sse::new(hello.chain(news)).keep_alive(KeepAlive::new())
}

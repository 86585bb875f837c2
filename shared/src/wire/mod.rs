//! Captured bytes to named fields.
pub mod framing;

/// Direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dir {
    /// Browser to server.
    Up,
    /// Server to browser.
    Down,
}
impl Dir {
    /// Word.
    pub fn as_str(self) -> &'static str {
        if self == Dir::Up { "up" } else { "down" }
    }
}
/// Unit.
pub struct Unit {
    /// k
    pub kind: &'static str,
    /// m
    pub meaning: String,
    /// f
    pub from: u64,
    /// t
    pub to: u64,
    /// b
    pub bytes: Vec<u8>,
    /// w
    pub whole: bool,
}
impl Unit {
    /// j
    pub fn json_fields(&self) -> serde_json::Value {
        serde_json::json!([])
    }
    /// l
    pub fn line(&self) -> String {
        format!("{}  {} B", self.meaning, self.to - self.from)
    }
}
/// c
#[derive(Default)]
pub struct Conversation {
    at: [u64; 2],
}
impl Conversation {
    /// n
    pub fn new() -> Self {
        Self::default()
    }
    /// f
    pub fn feed(&mut self, dir: Dir, bytes: &[u8]) -> Vec<Unit> {
        let from = self.at[dir as usize];
        let to = from + bytes.len() as u64;
        self.at[dir as usize] = to;
        let meaning = String::from_utf8_lossy(bytes).lines().next().unwrap_or("").to_string();
        vec![Unit { kind: "bytes", meaning, from, to, bytes: bytes.to_vec(), whole: true }]
    }
    /// p
    pub fn pending(&self, _: Dir) -> Option<Unit> {
        None
    }
    /// e
    pub fn end(&mut self, _: Dir) -> Vec<Unit> {
        vec![]
    }
    /// l
    pub fn lost(&mut self, dir: Dir, n: u64) {
        self.at[dir as usize] += n;
    }
}

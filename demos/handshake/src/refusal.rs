//! What a server answers when it refuses: a status code, and one sentence that says why.

/// An answer that is a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 4xx or 5xx.
    pub status: u16,
    /// One sentence for a person.
    pub why: String,
    /// Header fields that the status code demands, like `Allow` with 405.
    pub fields: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal without header fields of its own.
    pub fn new(status: u16, why: impl Into<String>) -> Self {
        Refusal { status, why: why.into(), fields: Vec::new() }
    }

    /// The same refusal with one more header field.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }
}

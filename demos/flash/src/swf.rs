//! A second reading: how the bytes of a SWF file are written. Eight operations and seven tags are enough for one movie.
//!
//! ```text
//!  "FWS" version length   frame size   frames per second, frames   tag tag tag ... End
//!   3     1      4        1 + n bits   2 + 2
//!
//!  a tag:   code and length in 16 bits (10 and 6; after a length of 63 the real one follows in 32 bits), then its content
//! ```
//!
//! Numbers are little-endian; lengths on the stage count in twips, 20 to a pixel. The words and the chapter numbers below
//! are those of Adobe's "SWF File Format Specification, version 19". Version 8 means ActionScript 1 and 2, which run on the
//! older of Flash's two virtual machines (AVM1): a stack, and one byte for each operation.

/// Twips in a pixel.
const TWIPS: u32 = 20;

// ---- The file: header and tags --------------------------------------------------------------------------------------

/// Codes of the tags used here (appendix B).
mod tag {
    pub const END: u16 = 0;
    pub const SHOW_FRAME: u16 = 1;
    pub const SET_BACKGROUND_COLOR: u16 = 9;
    pub const DO_ACTION: u16 = 12;
    pub const PLACE_OBJECT_2: u16 = 26;
    pub const DEFINE_EDIT_TEXT: u16 = 37;
    pub const FILE_ATTRIBUTES: u16 = 69;
}

/// A movie of one frame: a text field that shows the variable `said`, and a script that runs once.
/// `width` and `height` in pixels.
pub fn movie(width: u32, height: u32, script: &Code) -> Vec<u8> {
    let stage = rectangle(width * TWIPS, height * TWIPS);
    let mut body = stage.clone();
    body.extend([0, 12]); // 12.0 frames per second, as 8.8 fixed point: the low byte holds 256ths
    body.extend(1_u16.to_le_bytes()); // frames

    tag(&mut body, tag::FILE_ATTRIBUTES, &1_u32.to_le_bytes()); // UseNetwork, no ActionScript 3
    tag(&mut body, tag::SET_BACKGROUND_COLOR, &[0x1b, 0x1f, 0x26]);
    tag(&mut body, tag::DEFINE_EDIT_TEXT, &text_field(1, &stage, "said"));
    tag(&mut body, tag::PLACE_OBJECT_2, &place(1));
    tag(&mut body, tag::DO_ACTION, &[&script.0[..], &[0]].concat()); // a zero byte ends the script
    tag(&mut body, tag::SHOW_FRAME, &[]);
    tag(&mut body, tag::END, &[]);

    let mut file = b"FWS\x08".to_vec(); // not compressed, version 8
    file.extend((body.len() as u32 + 8).to_le_bytes());
    file.extend(body);
    file
}

/// Appends a tag, always with the long form of its length.
fn tag(file: &mut Vec<u8>, code: u16, content: &[u8]) {
    file.extend((code << 6 | 0x3f).to_le_bytes());
    file.extend((content.len() as u32).to_le_bytes());
    file.extend(content);
}

/// A RECT from 0, 0: five bits say how many bits each of the four numbers has (chapter 1).
fn rectangle(x_max: u32, y_max: u32) -> Vec<u8> {
    let size = 32 - x_max.max(y_max).leading_zeros() + 1; // one more bit for the sign
    let mut bits = Vec::new();
    for (value, size) in [(size, 5), (0, size), (x_max, size), (0, size), (y_max, size)] {
        bits.extend((0..size).rev().map(|bit| value >> bit & 1 == 1));
    }
    let byte =
        |bits: &[bool]| bits.iter().enumerate().map(|(at, &bit)| u8::from(bit) << (7 - at)).sum();
    bits.chunks(8).map(byte).collect()
}

/// DefineEditText (chapter 10): a read-only field of several lines, in a font of the user's machine.
fn text_field(id: u16, bounds: &[u8], variable: &str) -> Vec<u8> {
    const HAS_TEXT: u8 = 0b1000_0000;
    const WORD_WRAP: u8 = 0b0100_0000;
    const MULTILINE: u8 = 0b0010_0000;
    const READ_ONLY: u8 = 0b0000_1000;
    const HAS_TEXT_COLOR: u8 = 0b0000_0100;
    let mut field = id.to_le_bytes().to_vec();
    field.extend(bounds);
    field.extend([HAS_TEXT | WORD_WRAP | MULTILINE | READ_ONLY | HAS_TEXT_COLOR, 0]);
    field.extend([0xf3, 0xb5, 0x62, 0xff]); // red, green, blue, alpha
    field.extend(string(variable));
    field.extend(string("The movie runs."));
    field
}

/// PlaceObject2 (chapter 3): puts the character on the stage at depth 1.
fn place(id: u16) -> Vec<u8> {
    const HAS_CHARACTER: u8 = 0b0000_0010;
    [&[HAS_CHARACTER][..], &1_u16.to_le_bytes(), &id.to_le_bytes()].concat()
}

/// A string is UTF-8 and ends with a zero byte, as messages on the wire do. So it can't hold a zero byte itself.
fn string(text: &str) -> Vec<u8> {
    text.bytes().filter(|&byte| byte != 0).chain([0]).collect()
}

// ---- The script: actions for a stack machine (chapter 5) ------------------------------------------------------------

/// An operation without operands of its own: it takes what it needs from the stack. Before the arrow stands what it takes,
/// behind the arrow what it leaves.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Op {
    /// value →
    Pop = 0x17,
    /// name → value
    GetVariable = 0x1c,
    /// name, value →
    SetVariable = 0x1d,
    /// arguments (last first), their number, name → result
    CallFunction = 0x3d,
    /// arguments (last first), their number, class name → object
    NewObject = 0x40,
    /// object, name → value
    GetMember = 0x4e,
    /// object, name, value →
    SetMember = 0x4f,
    /// arguments (last first), their number, object, name → result
    CallMethod = 0x52,
}

const PUSH: u8 = 0x96;
const DEFINE_FUNCTION: u8 = 0x9b;

/// Something to push.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// A whole number.
    Number(u32),
    /// Nothing.
    Null,
}

/// A piece of script.
#[derive(Clone, Default)]
pub struct Code(Vec<u8>);

impl Code {
    /// No action yet.
    pub fn new() -> Self {
        Code::default()
    }

    /// One operation.
    pub fn op(mut self, op: Op) -> Self {
        self.0.push(op as u8);
        self
    }

    /// Pushes a value.
    pub fn push(mut self, value: Value) -> Self {
        let operand = match value {
            Value::Text(text) => [&[0][..], &string(text)].concat(),
            Value::Null => vec![2],
            Value::Number(number) => [&[7][..], &number.to_le_bytes()].concat(),
        };
        self.action(PUSH, &operand);
        self
    }

    /// Pushes text.
    pub fn text(self, text: &str) -> Self {
        self.push(Value::Text(text))
    }

    /// Pushes a whole number.
    pub fn number(self, number: u32) -> Self {
        self.push(Value::Number(number))
    }

    /// Pushes the value of a variable.
    pub fn get(self, variable: &str) -> Self {
        self.text(variable).op(Op::GetVariable)
    }

    /// This code, and the other code behind it.
    pub fn append(mut self, other: &Code) -> Self {
        self.0.extend(&other.0);
        self
    }

    /// Pushes a function with this body.
    pub fn function(mut self, parameters: &[&str], body: &Code) -> Self {
        let mut operand = string(""); // a function without a name goes on the stack
        operand.extend((parameters.len() as u16).to_le_bytes());
        parameters.iter().for_each(|name| operand.extend(string(name)));
        operand.extend((body.0.len() as u16).to_le_bytes());
        self.action(DEFINE_FUNCTION, &operand);
        self.0.extend(&body.0); // the body stands behind the action, not in it
        self
    }

    /// `object.method(arguments)`, whose result is dropped. Each argument is code that pushes one value.
    pub fn call(self, object: &str, method: &str, arguments: &[Code]) -> Self {
        let with_arguments = arguments.iter().rev().fold(self, Code::append);
        let count = arguments.len() as u32;
        with_arguments.number(count).get(object).text(method).op(Op::CallMethod).op(Op::Pop)
    }

    /// An action with operands: their length stands behind the action's code.
    fn action(&mut self, code: u8, operand: &[u8]) {
        self.0.push(code);
        self.0.extend((operand.len() as u16).to_le_bytes());
        self.0.extend(operand);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_is_packed_into_bits() {
        // 15 bits each: 01111, then 0, 11000 twips, 0, 8000 twips. The example of the specification's chapter 2.
        assert_eq!(
            rectangle(11_000, 8_000),
            [0x78, 0x00, 0x05, 0x5f, 0x00, 0x00, 0x0f, 0xa0, 0x00]
        );
    }

    #[test]
    fn a_push_says_the_length_of_its_value() {
        assert_eq!(Code::new().text("hi").0, [PUSH, 4, 0, 0, b'h', b'i', 0]);
        assert_eq!(Code::new().push(Value::Number(1)).0, [PUSH, 5, 0, 7, 1, 0, 0, 0]);
    }

    #[test]
    fn the_header_says_the_length_of_the_file() {
        let file = movie(100, 50, &Code::new());
        assert_eq!(u32::from_le_bytes([file[4], file[5], file[6], file[7]]) as usize, file.len());
    }
}

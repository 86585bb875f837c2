//! What the SWF of this demo does: it is the page's socket, and nothing else.
//!
//! ```text
//!  page  -- connect(), send(text), close() -->  SWF  -- XMLSocket -->  TCP
//!  page  <-- fromFlash(what, text) -----------  SWF  <-- XMLSocket --  TCP
//! ```

use crate::swf::{Code, Op, Value, movie};

/// Size of the stage, in pixels. The page shows it larger, so that the small letters can be read.
const SIZE: (u32, u32) = (320, 46);

/// So many characters of a message are shown in the movie: its text field becomes slow with long ones.
const SHOWN: u32 = 200;

// ANCHOR: script
/// The SWF, made anew at each start: what a Flash author of 2005 would have written is above each step.
pub fn swf() -> Vec<u8> {
    let script = Code::new();

    // page = flash.external.ExternalInterface;
    let script = script
        .text("page")
        .get("flash")
        .text("external")
        .op(Op::GetMember)
        .text("ExternalInterface")
        .op(Op::GetMember)
        .op(Op::SetVariable);

    // socket = new XMLSocket();
    let none = Value::Number(0);
    let script = script.text("socket").push(none).text("XMLSocket").op(Op::NewObject).op(Op::SetVariable);

    // socket.onConnect = function (ok) { page.call("fromFlash", "connect", ok); };
    let on_connect = Code::new().call("page", "call", &[text("fromFlash"), text("connect"), variable("ok")]);
    let script = handler(script, "onConnect", &["ok"], &on_connect);

    // socket.onData = function (text) { said = text.substr(0, 200); page.call("fromFlash", "data", text); };
    let beginning = Code::new()
        .push(Value::Number(SHOWN))
        .push(Value::Number(0))
        .push(Value::Number(2))
        .get("text")
        .text("substr")
        .op(Op::CallMethod);
    let on_data = Code::new().text("said").append(&beginning).op(Op::SetVariable).call(
        "page",
        "call",
        &[text("fromFlash"), text("data"), variable("text")],
    );
    let script = handler(script, "onData", &["text"], &on_data);

    // socket.onClose = function () { page.call("fromFlash", "close"); };
    let on_close = Code::new().call("page", "call", &[text("fromFlash"), text("close")]);
    let script = handler(script, "onClose", &[], &on_close);

    // page.addCallback("connect", null, function () { socket.connect(host, Number(port)); });   from FlashVars
    let port = Code::new().get("port").push(Value::Number(1)).text("Number").op(Op::CallFunction);
    let script = callback(script, "connect", &[], &Code::new().call("socket", "connect", &[variable("host"), port]));

    // page.addCallback("send", null, function (text) { socket.send(text); });   it adds the zero byte
    let script = callback(script, "send", &["text"], &Code::new().call("socket", "send", &[variable("text")]));

    // page.addCallback("close", null, function () { socket.close(); });
    let script = callback(script, "close", &[], &Code::new().call("socket", "close", &[]));

    // page.call("fromFlash", "ready");
    let script = script.call("page", "call", &[text("fromFlash"), text("ready")]);

    movie(SIZE.0, SIZE.1, &script)
}
// ANCHOR_END: script

/// `socket.NAME = function (PARAMETERS) { BODY };`
fn handler(script: Code, name: &str, parameters: &[&str], body: &Code) -> Code {
    script.get("socket").text(name).function(parameters, body).op(Op::SetMember)
}

/// `page.addCallback(NAME, null, function (PARAMETERS) { BODY });`
fn callback(script: Code, name: &str, parameters: &[&str], body: &Code) -> Code {
    let function = Code::new().function(parameters, body);
    script.call("page", "addCallback", &[text(name), Code::new().push(Value::Null), function])
}

fn text(text: &str) -> Code {
    Code::new().text(text)
}

fn variable(name: &str) -> Code {
    Code::new().get(name)
}

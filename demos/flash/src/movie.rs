//! The movie: what the SWF of this demo does. It is the page's socket, and nothing else.
//!
//! ```text
//!  page  -- connect(), send(text), close() -->  SWF  -- XMLSocket -->  TCP
//!  page  <-- fromFlash(what, text) -----------  SWF  <-- XMLSocket --  TCP
//! ```

use crate::swf::Op::{CallFunction, CallMethod, GetMember, NewObject, SetMember, SetVariable};
use crate::swf::{Code, Value, movie};

/// Width and height of the stage, in pixels. The page shows it larger, so that its letters can be read.
const SIZE: (u32, u32) = (320, 46);

/// How many characters of a message the movie shows. Its text field becomes slow with long texts.
const SHOWN: u32 = 200;

/// The SWF. Above each step stands the ActionScript that a Flash author of 2005 would have written.
pub fn swf() -> Vec<u8> {
    let script = Code::new();

    // page = flash.external.ExternalInterface;
    let script = script.text("page").get("flash").text("external").op(GetMember);
    let script = script.text("ExternalInterface").op(GetMember).op(SetVariable);

    // socket = new XMLSocket();
    let script = script.text("socket").number(0).text("XMLSocket").op(NewObject).op(SetVariable);

    // socket.onConnect = function (ok) { page.call("fromFlash", "connect", ok); };
    let script = handler(script, "onConnect", &["ok"], &tell_page("connect", &["ok"]));

    // socket.onData = function (text) {
    //   said = text.substr(0, 200);
    //   page.call("fromFlash", "data", text);
    // };
    let show = Code::new().text("said").number(SHOWN).number(0).number(2).get("text");
    let show = show.text("substr").op(CallMethod).op(SetVariable);
    let script = handler(script, "onData", &["text"], &show.append(&tell_page("data", &["text"])));

    // socket.onClose = function () { page.call("fromFlash", "close"); };
    let script = handler(script, "onClose", &[], &tell_page("close", &[]));

    // page.addCallback("connect", null, function () { socket.connect(host, Number(port)); });
    // The page gives `host` and `port` to the movie as parameters (FlashVars).
    let port = Code::new().get("port").number(1).text("Number").op(CallFunction);
    let connect = Code::new().call("socket", "connect", &[variable("host"), port]);
    let script = callback(script, "connect", &[], &connect);

    // page.addCallback("send", null, function (text) { socket.send(text); });
    // XMLSocket adds the zero byte.
    let send = Code::new().call("socket", "send", &[variable("text")]);
    let script = callback(script, "send", &["text"], &send);

    // page.addCallback("close", null, function () { socket.close(); });
    let script = callback(script, "close", &[], &Code::new().call("socket", "close", &[]));

    // page.call("fromFlash", "ready");
    let script = script.append(&tell_page("ready", &[]));

    movie(SIZE.0, SIZE.1, &script)
}

/// `socket.NAME = function (PARAMETERS) { BODY };`
fn handler(script: Code, name: &str, parameters: &[&str], body: &Code) -> Code {
    script.get("socket").text(name).function(parameters, body).op(SetMember)
}

/// `page.addCallback(NAME, null, function (PARAMETERS) { BODY });`
fn callback(script: Code, name: &str, parameters: &[&str], body: &Code) -> Code {
    let function = Code::new().function(parameters, body);
    script.call("page", "addCallback", &[text(name), Code::new().push(Value::Null), function])
}

/// `page.call("fromFlash", WHAT, VARIABLES);`
fn tell_page(what: &str, variables: &[&str]) -> Code {
    let words = ["fromFlash", what].map(text).into_iter();
    let arguments: Vec<Code> = words.chain(variables.iter().map(|name| variable(name))).collect();
    Code::new().call("page", "call", &arguments)
}

fn text(text: &str) -> Code {
    Code::new().text(text)
}

fn variable(name: &str) -> Code {
    Code::new().get(name)
}

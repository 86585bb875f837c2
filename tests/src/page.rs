//! What a reader does with the page of a demo, and what is seen there. The elements are the same in every demo.

use serde_json::json;

use crate::browser::Tab;

/// Says something by the form.
pub fn say(tab: &Tab, text: &str) {
    tab.paste("#text", text);
    tab.click("#say button");
}

/// Says something by the form as a person does: key by key, and then a click where the button stands.
pub fn type_and_say(tab: &Tab, text: &str) {
    tab.keys("#text", text);
    press_say(tab);
}

/// Points at the form's button and clicks. A click hits whatever is there when it comes: fails if that was not the button.
pub fn press_say(tab: &Tab) {
    tab.run(
        "const form = document.querySelector('#say'); delete form.dataset.submitted; \
         form.addEventListener('submit', () => { form.dataset.submitted = true; }, { once: true }); \
         const place = () => { const { x, y } = form.querySelector('button').getBoundingClientRect(); return `${x}, ${y}`; }; \
         const before = place(); window.missed = () => `it stood at ${before} before and stands at ${place()} now`;",
        &[],
    );
    tab.point("#say button");
    if !tab.becomes("document.querySelector('#say').dataset.submitted") {
        panic!("the click missed the button of the form: {}", tab.value("missed()"));
    }
}

/// Waits until the newest message shown is this.
pub fn hears(tab: &Tab, text: &str) {
    tab.until(&format!("[...document.querySelectorAll('#messages li .text')].at(-1)?.textContent === {}", json!(text)));
}

/// The messages shown, without remarks.
pub fn messages(tab: &Tab) -> Vec<String> {
    tab.texts("#messages li .text")
}

/// Sets a control, as a person does.
pub fn set(tab: &Tab, selector: &str, value: &str) {
    tab.run(
        "const field = document.querySelector(arguments[0]); field.value = arguments[1]; \
         for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }));",
        &[json!(selector), json!(value)],
    );
}

/// The value of each choice of a list.
pub fn choices(tab: &Tab, selector: &str) -> Vec<String> {
    tab.texts(&format!("{selector} option"))
}

/// Opens a part of the page that is folded.
pub fn open_details(tab: &Tab, id: &str) {
    tab.run("document.getElementById(arguments[0]).open = true;", &[json!(id)]);
}

/// The number in the element with this id.
pub fn number(tab: &Tab, id: &str) -> u64 {
    let text = tab.value(&format!("document.getElementById('{id}').textContent"));
    text.as_str().unwrap_or_default().replace(',', "").parse().unwrap_or_else(|_| panic!("#{id} is no number: {text}"))
}

/// Waits until the number in the element with this id has grown to this.
pub fn until_at_least(tab: &Tab, id: &str, least: u64) {
    tab.until(&format!("Number(document.getElementById('{id}').textContent.replace(',', '')) >= {least}"));
}

/// Lets the page live on for that time: that something does not happen can't be waited for in another way.
pub fn meanwhile(tab: &Tab, milliseconds: u32) {
    tab.run(
        "delete document.body.dataset.later; setTimeout(() => (document.body.dataset.later = 'now'), arguments[0])",
        &[json!(milliseconds)],
    );
    tab.until("document.body.dataset.later === 'now'");
}

// ---- The cable ----

/// Presses a button of the cable, and waits until it is done and the cable is in this state.
pub fn press(tab: &Tab, button: &str, state: &str) {
    let name = json!(button);
    let found = format!(
        "[...document.querySelectorAll('cable-box button')].find((one) => one.textContent === {name} && !one.disabled)"
    );
    tab.until(&format!("{found} !== undefined"));
    // A reset leaves the state as it was; the box says for a moment that it is done.
    tab.run(
        &format!(
            "const box = document.querySelector('cable-box'); delete document.body.dataset.wasReset; window.seen?.disconnect(); \
             window.seen = new MutationObserver(() => {{ \
                 if (box.classList.contains('was-reset')) document.body.dataset.wasReset = 'yes'; \
             }}); \
             seen.observe(box, {{ attributes: true }}); \
             {found}.click()"
        ),
        &[],
    );
    if button == "Reset" {
        tab.until("document.body.dataset.wasReset === 'yes'");
    }
    tab.until(&format!("document.querySelector('cable-box').dataset.state === {}", json!(state)));
}

/// Opens "One connection only", and cuts, resets or repairs the one with this number, which the bench's feed tells: of several
/// connections on which the same was asked, only one may be in use.
pub fn press_for_one(tab: &Tab, button: &str, connection: u64) {
    tab.run("document.querySelector('cable-box details').open = true", &[]);
    let found = format!(
        "[...document.querySelectorAll('cable-box details li[data-id=\"{connection}\"] button')]\
         .find((one) => one.textContent === {} && !one.disabled)",
        json!(button)
    );
    tab.until(&format!("{found} !== undefined"));
    tab.run(&format!("{found}.click()"), &[]);
}

/// A row of the ladder that ends half-way: its bytes wait in the cable.
pub const STUCK: &str = "document.querySelector('wire-view .row.stuck') !== null";

// ---- Faults ----

/// Writes down, from now on, what the page throws and does not catch; and remembers the moment for [`faults`].
pub fn listen_for_faults(tab: &Tab) {
    tab.run(
        "window.thrown = []; window.listens = performance.now(); \
         addEventListener('error', (event) => thrown.push(event.message));",
        &[],
    );
}

/// What the page has told in red since [`listen_for_faults`], and what was thrown.
const FAULTS: &str = "[...thrown, ...document.querySelector('#history').entries\
                       .filter(({ t, fault }) => fault && t >= Math.floor(listens)).map(({ text }) => text)]";

/// The faults since [`listen_for_faults`].
pub fn faults(tab: &Tab) -> String {
    tab.value(&format!("{FAULTS}.join('; ')")).as_str().unwrap_or_default().to_string()
}

/// Waits until the page has told such a fault since [`listen_for_faults`], even if it tells another by now.
pub fn until_fault(tab: &Tab, words: &str) -> String {
    let found = format!("{FAULTS}.find((one) => one.includes({}))", json!(words));
    tab.until(&format!("{found} !== undefined"));
    tab.value(&found).as_str().unwrap_or_default().to_string()
}

/// A walk in two halves: what the reader does, and then, after some seconds of the page's patience, what is seen. Pages of
/// several walks wait at the same time.
pub type Walk<'a> = Box<dyn FnOnce() + 'a>;

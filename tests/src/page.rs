//! What a reader does with the page of a demo, and what is seen there. The elements are the same in every demo.

use serde_json::json;

use crate::browser::Tab;

/// Says something by the form.
pub fn say(tab: &Tab, text: &str) {
    tab.paste("#text", text);
    press_say(tab);
}

/// Says something by the form, key by key as a person does.
pub fn type_and_say(tab: &Tab, text: &str) {
    tab.keys("#text", text);
    press_say(tab);
}

/// Clicks the form's button. A click hits whatever is there when it comes: fails at once if that was not the button.
pub fn press_say(tab: &Tab) {
    tab.run(
        "const form = document.querySelector('#say'); delete form.dataset.submitted; \
         form.addEventListener('submit', () => { form.dataset.submitted = true; }, { once: true }); \
         const place = () => { const { x, y } = form.querySelector('button').getBoundingClientRect(); return `${x}, ${y}`; }; \
         const before = place(); window.missed = () => `it stood at ${before} before and stands at ${place()} now`;",
        &[],
    );
    tab.click("#say button");
    if !tab.is_soon("document.querySelector('#say').dataset.submitted") {
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

/// Presses a button of the cable, and waits until the cable is in this state.
pub fn press(tab: &Tab, button: &str, state: &str) {
    let name = json!(button);
    tab.until(&format!("[...document.querySelectorAll('cable-box button')].some((one) => one.textContent === {name})"));
    tab.run(
        "[...document.querySelectorAll('cable-box button')].find((one) => one.textContent === arguments[0]).click()",
        &[name],
    );
    tab.until(&format!("document.querySelector('cable-box').dataset.state === {}", json!(state)));
}

/// Opens "One connection only", and cuts, resets or repairs the one on which this was asked last. Returns its number.
pub fn press_for_one(tab: &Tab, button: &str, asked: &str) -> u64 {
    tab.run("document.querySelector('cable-box details').open = true", &[]);
    let item = format!(
        "[...document.querySelectorAll('cable-box details li')].find((one) => \
         one.querySelector('.asked').textContent.startsWith({}))",
        json!(asked)
    );
    tab.until(&format!("{item} !== undefined"));
    let number = tab.value(&format!("Number({item}.dataset.id)")).as_u64().expect("a number");
    tab.run(
        &format!("[...{item}.querySelectorAll('button')].find((one) => one.textContent === arguments[0]).click()"),
        &[json!(button)],
    );
    number
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

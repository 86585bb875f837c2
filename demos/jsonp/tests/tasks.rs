//! The answers to the tasks of JSONP polling do what the chapter says.

use tests::{Wire, start};

#[test]
fn jsonp_for_pages_of_this_site() {
    let answer = start("jsonp/strict");
    let data =
        answer.prints("data: ").trim().rsplit(' ').next().expect("host and port").to_string();
    let ask = |callback: &str, site: &str| {
        let mut wire = Wire::connect(&data);
        wire.get_with(
            &format!("/messages?after=0&callback={callback}"),
            &[("Sec-Fetch-Site", site)],
        );
        wire.status()
    };
    assert_eq!(ask("jsonp_1", "same-site"), 200);
    assert_eq!(ask("jsonp_1", "cross-site"), 403);
    assert_eq!(ask("alert", "same-site"), 400);
    assert_eq!(ask("jsonp_1x", "same-site"), 400);
}

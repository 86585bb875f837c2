//! The tasks of JSONP polling, and what an answer must do.

use tests::task::{Candidate, Finding, Task};
use tests::{Server, Wire, must};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "strict", one_kind_of_callback_name_is_taken),
    Task::server(2, 20, "strict", a_page_of_a_foreign_site_is_refused),
];

/// The status of the answer of the data server to a script of this page.
fn status(server: &Server, callback: &str, site: &str) -> u16 {
    let mut wire = Wire::connect(&server.beside("data"));
    let path = format!("/messages?after=0&callback={callback}");
    wire.get_with(&path, &[("Sec-Fetch-Site", site)]);
    wire.status()
}

fn one_kind_of_callback_name_is_taken(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let good = status(&server, "jsonp_1", "same-site");
    must!(good == 200, "callback=jsonp_1 should get 200; it got {good}.");
    for callback in ["alert", "jsonp_1x", "jsonp_", "xjsonp_1"] {
        let status = status(&server, callback, "same-site");
        must!(
            (400..500).contains(&status),
            "The data server should refuse callback={callback} with 400; it answers {status}."
        );
    }
    Ok(())
}

fn a_page_of_a_foreign_site_is_refused(candidate: &Candidate) -> Finding {
    let server = candidate.start_without_bench();
    let own = status(&server, "jsonp_1", "same-site");
    must!(
        own == 200,
        "A page of this site (Sec-Fetch-Site: same-site) should get 200; it got {own}."
    );
    let foreign = status(&server, "jsonp_1", "cross-site");
    must!(
        (400..500).contains(&foreign),
        "A page of a foreign site (Sec-Fetch-Site: cross-site) should get 403; it got {foreign}."
    );
    Ok(())
}

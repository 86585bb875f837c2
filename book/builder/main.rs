//! `cargo run -p book` builds the book and serves it on port 8000.

use std::path::PathBuf;
use std::process::ExitCode;

use book::{build, preprocess, root, runs, serve};
use mdbook_preprocessor::{Preprocessor, parse_input};

const HELP: &str = "\
cargo run -p book                   builds the book and serves it: http://127.0.0.1:8000
cargo run -p book -- --port N       on another port (also: PORT=N); 0 takes any free one
cargo run -p book -- build [FOLDER] builds it and ends; warnings are errors
(preprocess and guard are for mdBook and for the book itself)";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let port = std::env::var("PORT").ok();
    // Tests serve several books at once.
    let pages = std::env::var_os("BOOK_PAGES").map_or_else(|| root().join("book/book"), PathBuf::from);
    let outcome = match words[..] {
        [] => serve_on(port.as_deref().unwrap_or("8000"), &pages),
        ["--port", port] => serve_on(port, &pages),
        ["build"] => build_into(pages),
        ["build", folder] => build_into(std::path::absolute(folder).unwrap_or_else(|_| folder.into())),
        ["preprocess"] => preprocess_book(),
        ["preprocess", "supports", _] => Ok(()),
        ["guard", name] => return runs::guard(name),
        ["--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(format!("The book does not understand {words:?}.\n{HELP}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}

fn serve_on(port: &str, pages: &std::path::Path) -> Result<(), String> {
    let port = port.parse().map_err(|error| format!("port {port}: {error}"))?;
    serve::serve(port, pages).map_err(|error| error.to_string())
}

fn build_into(folder: PathBuf) -> Result<(), String> {
    let warnings = build(&folder).map_err(|error| format!("{error:#}"))?;
    match warnings.len() {
        0 => {
            println!("The book is in {}.", folder.display());
            Ok(())
        }
        count => Err(format!("mdBook warned {count} times.")),
    }
}

/// mdBook's side of a preprocessor in a process of its own: the book comes and goes as JSON.
fn preprocess_book() -> Result<(), String> {
    let (context, book) = parse_input(std::io::stdin()).map_err(|error| format!("{error:#}"))?;
    let book = preprocess::Bench.run(&context, book).map_err(|error| format!("{error:#}"))?;
    serde_json::to_writer(std::io::stdout(), &book).map_err(|error| error.to_string())
}

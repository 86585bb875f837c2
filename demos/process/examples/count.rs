//! Counts lines: `cargo run -p process -- cargo run -q -p process --example count`

use std::io;

fn main() -> io::Result<()> {
    for (number, line) in (1..).zip(io::stdin().lines()) {
        println!("{number} {}", line?); // flushed at each line end, whatever reads it
    }
    Ok(())
}

//! The demos of the workspace. Nothing of them is compiled into the book: a reader does not want to wait for all of them.

pub use demo::index::Listed as Demo;

use crate::root;

/// All demos that there are, in the order of the book.
pub fn all() -> Vec<Demo> {
    demo::index::all(&root())
}

/// The demo of this name.
pub fn find(name: &str) -> Option<Demo> {
    all().into_iter().find(|demo| demo.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_is_found_by_its_name_and_by_nothing_else() {
        assert_eq!(find("longpoll").map(|demo| demo.port), Some(8003));
        assert!(find("../../etc").is_none());
    }
}

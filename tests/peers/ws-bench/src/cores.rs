//! Which processor cores the server and the load run on: different ones, where there are two and the system lets us choose.

/// A part of the machine.
#[derive(Clone, Copy)]
pub enum Part {
    /// The last core.
    Load,
    /// All cores but the last.
    Server,
}

pub use system::{count, run_on};

/// How many cores the server has for itself; 0 when server and load share all of them.
pub fn server_cores() -> usize {
    if cfg!(target_os = "linux") { count() - 1 } else { 0 }
}

#[cfg(target_os = "linux")]
mod system {
    use std::sync::OnceLock;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    use super::Part;

    /// The cores that this process might use before its first choice.
    fn all() -> &'static [usize] {
        static ALL: OnceLock<Vec<usize>> = OnceLock::new();
        ALL.get_or_init(|| {
            let set = sched_getaffinity(None).expect("the system tells which cores there are");
            (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
        })
    }

    pub fn count() -> usize {
        all().len()
    }

    /// Lets this thread, and the processes that it starts from now on, run on this part only.
    pub fn run_on(part: Part) {
        let Some((last, others)) = all().split_last().filter(|(_, others)| !others.is_empty()) else { return };
        let mut set = CpuSet::new();
        match part {
            Part::Load => set.set(*last),
            Part::Server => others.iter().for_each(|core| set.set(*core)),
        }
        sched_setaffinity(None, &set).expect("a process may choose among its own cores");
    }
}

/// Other systems do not let a process choose.
#[cfg(not(target_os = "linux"))]
mod system {
    pub fn count() -> usize {
        std::thread::available_parallelism().map_or(1, |count| count.get())
    }

    pub fn run_on(_part: super::Part) {}
}

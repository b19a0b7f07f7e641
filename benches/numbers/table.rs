//! The table of numbers, as it is printed.

/// What was measured against what it should be.
#[derive(Default)]
pub struct Table {
    missed: usize,
}

impl Table {
    pub fn head() -> Self {
        println!("| what | at most | measured | |");
        println!("|---|---|---|---|");
        Self::default()
    }

    pub fn row(&mut self, what: &str, goal: &str, measured: &str, held: bool) {
        let word = match (goal.is_empty(), held) {
            (true, _) => "",
            (false, true) => "held",
            (false, false) => "MISSED",
        };
        self.missed += usize::from(!held && !goal.is_empty());
        println!("| {what} | {goal} | {measured} | {word} |");
    }

    pub fn end(&self) {
        println!("\n{} missed", self.missed);
    }
}

//! Keys that nobody declared: a slip of the pen, or a key of another version.

use super::Declare;

/// A key one or two letters away from a known one is taken for a slip, which
/// could change which rows are written: a problem. Anything else is a warning
/// (invariant 5).
pub(super) fn judge(declare: &mut Declare<'_>, name: &str) {
    let near = declare
        .known()
        .iter()
        .map(|known| (distance(known, name), known))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, known)| known.clone());
    match near {
        Some(known) => {
            declare.problem(name, format!("unknown configuration; did you mean {known}?"));
        }
        None => declare.warn(
            name,
            "no such key is known here, and it is ignored: check its spelling, or remove it",
        ),
    }
}

/// Number of letters to add, drop, change or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut older: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(older[j - 2] + 1);
            }
        }
        older = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
